//! The ends of sessions in the order of their commits, kept until the access tokens
//! have expired.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, sequence};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::session_end::{ActiveModel, Column, Entity, Model};

/// Rows per statement.
const BATCH_SIZE: usize = 200;

pub async fn insert_in_txn(
    txn: &impl ConnectionTrait,
    sessions: Vec<String>,
    ended_at: DateTime<Utc>,
) -> Result<(), DbError> {
    if sessions.is_empty() {
        return Ok(());
    }
    let first = sequence::take_in_txn(txn, sessions.len() as i64).await?;
    let rows = (first..).zip(sessions).map(|(seq, session_id)| ActiveModel {
        seq: Set(seq),
        session_id: Set(session_id),
        ended_at: Set(ended_at),
    });
    let rows: Vec<_> = rows.collect();
    for batch in rows.chunks(BATCH_SIZE) {
        Entity::insert_many(batch.to_vec()).exec_without_returning(txn).await?;
    }
    Ok(())
}

/// Those after a number that ended since, in order.
pub async fn list(
    db: &impl ConnectionTrait,
    after: i64,
    since: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Model>, DbError> {
    let rows = Entity::find().filter(Column::Seq.gt(after)).filter(Column::EndedAt.gte(since));
    Ok(rows.order_by_asc(Column::Seq).limit(limit).all(db).await?)
}

pub async fn prune(db: &impl ConnectionTrait, ended_before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::EndedAt.lt(ended_before)).exec(db).await?;
    Ok(())
}
