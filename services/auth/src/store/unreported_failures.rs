//! Failed logins not yet reported to the audit log.

use fenz_database::{DbError, Txn};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::entity::unreported_failure::{ActiveModel, Column, Entity};

/// Failures of a name from an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// Of name and address.
    pub digest: String,
    /// Of the name alone.
    pub subject: String,
    /// As typed.
    pub name: String,
    pub address: String,
    pub count: i32,
}

/// Adds to the count.
pub async fn add(db: &impl ConnectionTrait, failure: &Failures) -> Result<(), DbError> {
    let row = ActiveModel {
        digest: Set(failure.digest.clone()),
        subject: Set(failure.subject.clone()),
        name: Set(failure.name.clone()),
        address: Set(failure.address.clone()),
        failures: Set(failure.count),
    };
    let sum = Expr::col((Entity, Column::Failures)).add(failure.count);
    let upsert = OnConflict::column(Column::Digest).value(Column::Failures, sum).to_owned();
    Entity::insert(row).on_conflict(upsert).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes and returns a batch, to be reported in the same transaction.
pub async fn drain_in_txn(txn: &Txn, limit: u64) -> Result<Vec<Failures>, DbError> {
    let rows = Entity::find().order_by_asc(Column::Digest).limit(limit).lock_exclusive().all(txn.as_ref()).await?;
    let digests: Vec<String> = rows.iter().map(|row| row.digest.clone()).collect();
    if !digests.is_empty() {
        Entity::delete_many().filter(Column::Digest.is_in(digests)).exec(txn.as_ref()).await?;
    }
    let failures = rows.into_iter().map(|row| Failures {
        digest: row.digest,
        subject: row.subject,
        name: row.name,
        address: row.address,
        count: row.failures,
    });
    Ok(failures.collect())
}

/// Deletes the failures of names; returns the number of rows.
pub async fn delete_by_subjects(db: &impl ConnectionTrait, subjects: &[String]) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::Subject.is_in(subjects)).exec(db).await?.rows_affected)
}
