//! Sessions that ended when their accounts were deleted, kept until their access
//! tokens have expired.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, upsert};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::ended_session::{ActiveModel, Column, Entity};

/// Rows per statement.
const BATCH_SIZE: usize = 200;

pub async fn insert_all(db: &impl ConnectionTrait, ids: &[String], ended_at: DateTime<Utc>) -> Result<(), DbError> {
    for batch in ids.chunks(BATCH_SIZE) {
        let rows = batch.iter().map(|id| ActiveModel { id: Set(id.clone()), ended_at: Set(ended_at) });
        upsert(db, rows.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// Those that ended since, the oldest first.
pub async fn since(
    db: &impl ConnectionTrait,
    since: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(String, DateTime<Utc>)>, DbError> {
    let rows = Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::EndedAt)
        .filter(Column::EndedAt.gte(since))
        .order_by_asc(Column::EndedAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await;
    Ok(rows?)
}

pub async fn prune(db: &impl ConnectionTrait, ended_before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::EndedAt.lt(ended_before)).exec(db).await?;
    Ok(())
}
