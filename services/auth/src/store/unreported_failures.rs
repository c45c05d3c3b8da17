//! Failed logins not yet reported to the audit log.

use fenz_core::UserId;
use fenz_database::{DbError, Txn};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::entity::unreported_failure::{ActiveModel, Column, Entity};

/// Failures of an account or an unknown name from an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// Of subject and address.
    pub digest: String,
    /// The digest of the account or of what was typed.
    pub subject: String,
    /// None where there is no such account.
    pub user: Option<UserId>,
    /// Of unknown names the network.
    pub address: String,
    pub count: i32,
}

/// Adds to the count.
pub async fn add(db: &impl ConnectionTrait, failure: &Failures) -> Result<(), DbError> {
    let row = ActiveModel {
        digest: Set(failure.digest.clone()),
        subject: Set(failure.subject.clone()),
        name: Set(String::new()),
        address: Set(failure.address.clone()),
        failures: Set(failure.count),
        user_id: Set(failure.user.map_or(0, |user| user.0)),
    };
    let sum = Expr::col((Entity, Column::Failures)).add(failure.count);
    let upsert = OnConflict::column(Column::Digest).value(Column::Failures, sum).to_owned();
    Entity::insert(row).on_conflict(upsert).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes and returns a batch, to be reported in the same transaction. Those of one
/// account or of no account from one address follow each other.
pub async fn drain_in_txn(txn: &Txn, limit: u64) -> Result<Vec<Failures>, DbError> {
    let by_address = Entity::find().order_by_asc(Column::UserId).order_by_asc(Column::Address);
    let rows = by_address.order_by_asc(Column::Digest).limit(limit).lock_exclusive().all(txn.as_ref()).await?;
    let digests: Vec<String> = rows.iter().map(|row| row.digest.clone()).collect();
    if !digests.is_empty() {
        Entity::delete_many().filter(Column::Digest.is_in(digests)).exec(txn.as_ref()).await?;
    }
    let failures = rows.into_iter().map(|row| Failures {
        digest: row.digest,
        subject: row.subject,
        user: (row.user_id > 0).then_some(UserId(row.user_id)),
        address: row.address,
        count: row.failures,
    });
    Ok(failures.collect())
}

/// Deletes the failures of subjects; returns the number of rows.
pub async fn delete_by_subjects(db: &impl ConnectionTrait, subjects: &[String]) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::Subject.is_in(subjects)).exec(db).await?.rows_affected)
}
