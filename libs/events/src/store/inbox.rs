//! Which events have been applied.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::entity::inbox::{ActiveModel, Column, Entity};

/// A duplicate error when the consumer has applied the event.
pub async fn insert_in_txn(
    txn: &impl ConnectionTrait,
    event_id: &str,
    consumer: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row =
        ActiveModel { event_id: Set(event_id.to_owned()), consumer: Set(consumer.to_owned()), handled_at: Set(now) };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Deletes what was handled before a point in time.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::HandledAt.lt(before)).exec(db).await?;
    Ok(())
}
