//! Calls to media that release claims, one per claim.
//!
//! An edit that is about to claim a picture first schedules the release, due when
//! the edit must have ended. The transaction that stores the picture cancels it;
//! if the call is missing or has started, the edit must abort.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, insert_or_lock_in_txn};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::entity::pending_call::{ActiveModel, Column, Entity, Model};
use crate::domain::{ChannelId, Claim, PendingCall, Picture, UploadId};

fn pending_call(row: &Model) -> Option<PendingCall> {
    let picture = Picture::parse(&row.picture)?;
    let claim = Claim { channel: ChannelId(row.channel_id), picture, upload: UploadId(row.upload_id) };
    Some(PendingCall { claim, keep_files: row.keep_files, attempts: row.attempts, due_at: row.due_at })
}

fn has_claim(claim: Claim) -> Condition {
    Condition::all()
        .add(Column::ChannelId.eq(claim.channel.0))
        .add(Column::Picture.eq(claim.picture.as_str()))
        .add(Column::UploadId.eq(claim.upload.0))
}

/// Stores a call, or reschedules the one of this claim; false if that one has
/// started.
pub async fn schedule_in_txn(txn: &impl ConnectionTrait, call: &PendingCall) -> Result<bool, DbError> {
    let row = ActiveModel {
        channel_id: Set(call.claim.channel.0),
        picture: Set(call.claim.picture.as_str().to_owned()),
        upload_id: Set(call.claim.upload.0),
        keep_files: Set(call.keep_files),
        started: Set(false),
        attempts: Set(0),
        due_at: Set(call.due_at),
    };
    insert_or_lock_in_txn(txn, row).await?;
    let stored = Entity::find().filter(has_claim(call.claim)).lock_exclusive().one(txn).await?;
    if stored.is_none_or(|stored| stored.started) {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::KeepFiles, Expr::value(call.keep_files))
        .col_expr(Column::DueAt, Expr::value(call.due_at))
        .filter(has_claim(call.claim))
        .exec(txn)
        .await?;
    Ok(true)
}

/// Deletes a call that has not started; false if it has or does not exist.
pub async fn cancel_in_txn(txn: &impl ConnectionTrait, claim: Claim) -> Result<bool, DbError> {
    let deleted = Entity::delete_many().filter(has_claim(claim)).filter(Column::Started.eq(false)).exec(txn).await?;
    Ok(deleted.rows_affected == 1)
}

/// Calls that are due, the longest due first.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<PendingCall>, DbError> {
    let rows = Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).limit(limit).all(db).await?;
    Ok(rows.iter().filter_map(pending_call).collect())
}

/// All calls of a channel, due or not.
pub async fn list_by_channel(db: &impl ConnectionTrait, channel: ChannelId) -> Result<Vec<PendingCall>, DbError> {
    let rows = Entity::find().filter(Column::ChannelId.eq(channel.0)).all(db).await?;
    Ok(rows.iter().filter_map(pending_call).collect())
}

/// Marks a call as started: it cannot be cancelled any more. False if it was
/// cancelled or rescheduled meanwhile.
pub async fn start_in_txn(txn: &impl ConnectionTrait, claim: Claim, now: DateTime<Utc>) -> Result<bool, DbError> {
    // Locked, then written: MariaDB does not count a row as affected when the
    // update leaves it as it was.
    let row = Entity::find().filter(has_claim(claim)).filter(Column::DueAt.lte(now)).lock_exclusive().one(txn).await?;
    if row.is_none() {
        return Ok(false);
    }
    Entity::update_many().col_expr(Column::Started, Expr::value(true)).filter(has_claim(claim)).exec(txn).await?;
    Ok(true)
}

pub async fn reschedule(
    db: &impl ConnectionTrait,
    claim: Claim,
    due_at: DateTime<Utc>,
    attempts: i32,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(due_at))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .filter(has_claim(claim))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes a call that has succeeded or is not needed.
pub async fn remove(db: &impl ConnectionTrait, claim: Claim) -> Result<(), DbError> {
    Entity::delete_many().filter(has_claim(claim)).exec(db).await?;
    Ok(())
}
