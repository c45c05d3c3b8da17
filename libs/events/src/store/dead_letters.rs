//! Events that were given up.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, insert_absent};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::dead_letter::{ActiveModel, Column, Entity, Model};
use crate::{
    dead_letters::DeadLetter,
    envelope::{Envelope, from_json, to_json},
};

impl From<Model> for DeadLetter {
    fn from(row: Model) -> Self {
        let headers = from_json(&row.headers);
        Self {
            envelope: Envelope { id: row.event_id, subject: row.subject, payload: row.payload, headers },
            consumer: row.consumer,
            reason: row.reason,
            failed_at: row.failed_at,
        }
    }
}

/// Stores an event; one that exists stays as it is.
pub async fn insert_in_txn(
    txn: &impl ConnectionTrait,
    consumer: &str,
    envelope: &Envelope,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = ActiveModel {
        event_id: Set(envelope.id.clone()),
        consumer: Set(consumer.to_owned()),
        subject: Set(envelope.subject.clone()),
        payload: Set(envelope.payload.clone()),
        headers: Set(to_json(&envelope.headers)),
        reason: Set(reason.to_owned()),
        failed_at: Set(now),
    };
    insert_absent(txn, [row]).await
}

/// The first ones, or one event's.
pub async fn first(db: &impl ConnectionTrait, only: Option<&str>, limit: u64) -> Result<Vec<DeadLetter>, DbError> {
    let mut find = Entity::find();
    if let Some(id) = only {
        find = find.filter(Column::EventId.eq(id));
    }
    let rows = find.order_by_asc(Column::EventId).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(DeadLetter::from).collect())
}

pub async fn delete_in_txn(txn: &impl ConnectionTrait, consumer: &str, event_id: &str) -> Result<(), DbError> {
    Entity::delete_by_id((event_id.to_owned(), consumer.to_owned())).exec(txn).await?;
    Ok(())
}

/// Deletes the events about a user.
pub async fn delete_of_user_in_txn(txn: &impl ConnectionTrait, user_id: i64) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::Subject.like(format!("user.{user_id}.%"))).exec(txn).await?;
    Ok(())
}

/// Deletes what was given up before a point in time.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::FailedAt.lt(before)).exec(db).await?;
    Ok(())
}

pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbError> {
    Ok(Entity::find().count(db).await?)
}
