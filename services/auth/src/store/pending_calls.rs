//! Pending calls to media, each of which releases a claim on an upload.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, insert_or_lock_in_txn};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::entity::pending_call::{ActiveModel, Column, Entity, Model};

/// A claim to be released.
#[derive(Clone, Debug)]
pub struct PendingCall {
    pub claim: String,
    /// Make the upload claimable again instead of deleting its files.
    pub keep_files: bool,
    pub due_at: DateTime<Utc>,
}

impl From<Model> for PendingCall {
    fn from(row: Model) -> Self {
        Self { claim: row.claim, keep_files: row.keep_files, due_at: row.due_at }
    }
}

/// Stores a call, or replaces the one with its claim; false when that one has
/// started.
pub async fn schedule_in_txn(db: &impl ConnectionTrait, call: &PendingCall) -> Result<bool, DbError> {
    let row = ActiveModel {
        claim: Set(call.claim.clone()),
        keep_files: Set(call.keep_files),
        due_at: Set(call.due_at),
        started: Set(false),
    };
    insert_or_lock_in_txn(db, row).await?;
    let stored = Entity::find_by_id(&call.claim).lock_exclusive().one(db).await?;
    if stored.is_none_or(|stored| stored.started) {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(call.due_at))
        .col_expr(Column::KeepFiles, Expr::value(call.keep_files))
        .filter(Column::Claim.eq(&call.claim))
        .exec(db)
        .await?;
    Ok(true)
}

/// Deletes a call; false when it has started or is done.
pub async fn cancel(db: &impl ConnectionTrait, claim: &str) -> Result<bool, DbError> {
    let deleted =
        Entity::delete_many().filter(Column::Claim.eq(claim)).filter(Column::Started.eq(false)).exec(db).await?;
    Ok(deleted.rows_affected == 1)
}

pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<PendingCall>, DbError> {
    let rows = Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(PendingCall::from).collect())
}

/// Makes the calls with a claim prefix due, to delete the files too; returns them.
pub async fn expedite(
    db: &impl ConnectionTrait,
    prefix: &str,
    now: DateTime<Utc>,
) -> Result<Vec<PendingCall>, DbError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now))
        .col_expr(Column::KeepFiles, Expr::value(false))
        .filter(Column::Claim.starts_with(prefix))
        .exec(db)
        .await?;
    let rows = Entity::find().filter(Column::Claim.starts_with(prefix)).all(db).await?;
    Ok(rows.into_iter().map(PendingCall::from).collect())
}

/// Marks a due call as started, which can no longer be cancelled; false when it
/// was cancelled or postponed.
pub async fn mark_started(db: &impl ConnectionTrait, claim: &str, now: DateTime<Utc>) -> Result<bool, DbError> {
    let started = Entity::update_many()
        .col_expr(Column::Started, Expr::value(true))
        .filter(Column::Claim.eq(claim))
        .filter(Column::DueAt.lte(now))
        .exec(db)
        .await?;
    Ok(started.rows_affected == 1)
}

pub async fn delete(db: &impl ConnectionTrait, claim: &str) -> Result<(), DbError> {
    Entity::delete_by_id(claim).exec(db).await?;
    Ok(())
}
