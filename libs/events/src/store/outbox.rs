//! Events that are not on the bus yet.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::outbox::{ActiveModel, Column, Entity, Model};
use crate::envelope::{Envelope, from_json, to_json};

/// Rows of one statement.
const CHUNK: usize = 250;

/// An event and its sequence number.
pub struct Row {
    pub seq: i64,
    pub envelope: Envelope,
}

impl From<Model> for Row {
    fn from(row: Model) -> Self {
        let headers = from_json(&row.headers);
        Self { seq: row.seq, envelope: Envelope { id: row.id, subject: row.subject, payload: row.payload, headers } }
    }
}

pub async fn insert_in_txn(
    txn: &impl ConnectionTrait,
    envelopes: Vec<Envelope>,
    replica: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let mut rows = envelopes.into_iter().map(|envelope| ActiveModel {
        seq: NotSet,
        id: Set(envelope.id),
        replica: Set(replica.to_owned()),
        subject: Set(envelope.subject),
        payload: Set(envelope.payload),
        headers: Set(to_json(&envelope.headers)),
        created_at: Set(now),
    });
    while rows.len() > 0 {
        Entity::insert_many(rows.by_ref().take(CHUNK)).exec_without_returning(txn).await?;
    }
    Ok(())
}

/// Which rows are published.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Written by this replica since a point in time.
    Own { replica: &'a str, since: DateTime<Utc> },
    /// Written by any replica before it.
    Older(DateTime<Utc>),
}

/// The next rows above a sequence number, in order.
pub async fn page(db: &impl ConnectionTrait, of: Rows<'_>, above: i64, limit: u64) -> Result<Vec<Row>, DbError> {
    let filter = match of {
        Rows::Own { replica, since } => {
            Condition::all().add(Column::Replica.eq(replica)).add(Column::CreatedAt.gte(since))
        }
        Rows::Older(before) => Condition::all().add(Column::CreatedAt.lt(before)),
    };
    let rows = Entity::find()
        .filter(filter)
        .filter(Column::Seq.gt(above))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

pub async fn delete(db: &impl ConnectionTrait, seqs: Vec<i64>) -> Result<(), DbError> {
    if !seqs.is_empty() {
        Entity::delete_many().filter(Column::Seq.is_in(seqs)).exec(db).await?;
    }
    Ok(())
}

pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbError> {
    Ok(Entity::find().count(db).await?)
}

/// When the oldest row was written.
pub async fn oldest(db: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::CreatedAt)
        .order_by_asc(Column::CreatedAt)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?)
}
