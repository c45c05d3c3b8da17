//! Events that wait for their consumer.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, insert_absent};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::entity::mailbox::{ActiveModel, Column, Entity, Model};
use crate::{
    envelope::{Envelope, from_json, to_json},
    worker::Delivery,
};

impl From<Model> for Delivery {
    fn from(row: Model) -> Self {
        let headers = from_json(&row.headers);
        let envelope = Envelope { id: row.event_id, subject: row.subject, payload: row.payload, headers };
        Self { envelope, failures: row.tries, in_mailbox: true }
    }
}

fn row(consumer: &str, envelope: &Envelope, failures: i32, available_at: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        event_id: Set(envelope.id.clone()),
        consumer: Set(consumer.to_owned()),
        subject: Set(envelope.subject.clone()),
        payload: Set(envelope.payload.clone()),
        headers: Set(to_json(&envelope.headers)),
        tries: Set(failures),
        available_at: Set(available_at),
    }
}

/// Inserts events; those that exist stay as they are.
pub async fn insert(
    db: &impl ConnectionTrait,
    consumer: &str,
    envelopes: &[&Envelope],
    failures: i32,
    available_at: DateTime<Utc>,
) -> Result<(), DbError> {
    let rows = envelopes.iter().map(|envelope| row(consumer, envelope, failures, available_at));
    insert_absent(db, rows.collect::<Vec<_>>()).await
}

/// What is due, in the order it became due.
pub async fn due(
    db: &impl ConnectionTrait,
    consumer: &str,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Delivery>, DbError> {
    let rows = Entity::find()
        .filter(Column::Consumer.eq(consumer))
        .filter(Column::AvailableAt.lte(now))
        .order_by_asc(Column::AvailableAt)
        .order_by_asc(Column::EventId)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// When the next one is due.
pub async fn next_due(db: &impl ConnectionTrait, consumer: &str) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::AvailableAt)
        .filter(Column::Consumer.eq(consumer))
        .order_by_asc(Column::AvailableAt)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?)
}

/// Sets how often the event has failed and when it is due, unless another
/// replica has done so since it was read.
pub async fn reschedule(
    db: &impl ConnectionTrait,
    consumer: &str,
    delivery: &Delivery,
    failures: i32,
    available_at: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Tries, Expr::value(failures))
        .col_expr(Column::AvailableAt, Expr::value(available_at))
        .filter(Column::EventId.eq(delivery.envelope.id.as_str()))
        .filter(Column::Consumer.eq(consumer))
        .filter(Column::Tries.eq(delivery.failures))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn delete(db: &impl ConnectionTrait, consumer: &str, event_id: &str) -> Result<(), DbError> {
    Entity::delete_by_id((event_id.to_owned(), consumer.to_owned())).exec(db).await?;
    Ok(())
}

pub async fn count(db: &impl ConnectionTrait, consumer: &str) -> Result<u64, DbError> {
    Ok(Entity::find().filter(Column::Consumer.eq(consumer)).count(db).await?)
}
