//! Sessions that ended with their accounts, for as long as an access token of
//! theirs may be alive.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::entity::ended_session::{ActiveModel, Column, Entity};

/// Rows stored in one go.
const AT_ONCE: usize = 200;

/// Keeps sessions that ended.
pub async fn keep(db: &impl ConnectionTrait, ids: &[String], ended_at: DateTime<Utc>) -> Result<(), DbErr> {
    for some in ids.chunks(AT_ONCE) {
        let rows = some.iter().map(|id| ActiveModel { id: Set(id.clone()), ended_at: Set(ended_at) });
        let again = OnConflict::column(Column::Id).update_column(Column::EndedAt).to_owned();
        Entity::insert_many(rows).on_conflict(again).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Those that ended since, the first first.
pub async fn since(
    db: &impl ConnectionTrait,
    since: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(String, DateTime<Utc>)>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::EndedAt)
        .filter(Column::EndedAt.gte(since))
        .order_by_asc(Column::EndedAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

pub async fn prune(db: &impl ConnectionTrait, ended_before: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::EndedAt.lt(ended_before)).exec(db).await?;
    Ok(())
}
