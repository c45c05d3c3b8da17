//! Claims on uploads that media is still to release.
//!
//! An edit that is about to claim a picture stores an errand first, due when
//! the edit can no longer be under way. The transaction that uses the picture
//! calls it off; where it is not there, or has started, the edit must not go
//! on.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::entity::errand::{ActiveModel, Column, Entity, Model};
use crate::domain::{ChannelId, Picture, UploadId};

/// A picture of a channel, as media knows the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub channel: ChannelId,
    pub picture: Picture,
    pub upload: UploadId,
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "channel/{}/{}/{}", self.channel.0, self.picture.as_str(), self.upload.0)
    }
}

/// A claim to be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    pub claim: Claim,
    /// Hand the upload back instead of removing its files.
    pub keep_files: bool,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
}

fn errand(row: &Model) -> Option<Errand> {
    let picture = Picture::parse(&row.picture)?;
    let claim = Claim { channel: ChannelId(row.channel_id), picture, upload: UploadId(row.upload_id) };
    Some(Errand { claim, keep_files: row.keep_files, attempts: row.attempts, due_at: row.due_at })
}

fn of(claim: Claim) -> Condition {
    Condition::all()
        .add(Column::ChannelId.eq(claim.channel.0))
        .add(Column::Picture.eq(claim.picture.as_str()))
        .add(Column::UploadId.eq(claim.upload.0))
}

/// Stores an errand, or moves the one of this claim; false when that one has
/// started.
pub async fn put_in_txn(txn: &impl ConnectionTrait, errand: &Errand) -> Result<bool, DbErr> {
    let row = ActiveModel {
        channel_id: Set(errand.claim.channel.0),
        picture: Set(errand.claim.picture.as_str().to_owned()),
        upload_id: Set(errand.claim.upload.0),
        keep_files: Set(errand.keep_files),
        started: Set(false),
        attempts: Set(0),
        due_at: Set(errand.due_at),
    };
    let key = [Column::ChannelId, Column::Picture, Column::UploadId];
    let exists = OnConflict::columns(key).update_column(Column::UploadId).to_owned();
    Entity::insert(row).on_conflict(exists).exec_without_returning(txn).await?;
    let stored = Entity::find().filter(of(errand.claim)).lock_exclusive().one(txn).await?;
    if stored.is_none_or(|stored| stored.started) {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::KeepFiles, Expr::value(errand.keep_files))
        .col_expr(Column::DueAt, Expr::value(errand.due_at))
        .filter(of(errand.claim))
        .exec(txn)
        .await?;
    Ok(true)
}

/// Takes an errand back; false when it has started or is not there.
pub async fn call_off_in_txn(txn: &impl ConnectionTrait, claim: Claim) -> Result<bool, DbErr> {
    let deleted = Entity::delete_many().filter(of(claim)).filter(Column::Started.eq(false)).exec(txn).await?;
    Ok(deleted.rows_affected == 1)
}

/// What is due, the longest waiting first.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<Errand>, DbErr> {
    let rows = Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).limit(limit).all(db).await?;
    Ok(rows.iter().filter_map(errand).collect())
}

/// Every errand of a channel, whenever it is due.
pub async fn of_channel(db: &impl ConnectionTrait, channel: ChannelId) -> Result<Vec<Errand>, DbErr> {
    let rows = Entity::find().filter(Column::ChannelId.eq(channel.0)).all(db).await?;
    Ok(rows.iter().filter_map(errand).collect())
}

/// From here on there is no way back; false when it was called off or moved.
pub async fn begin_in_txn(txn: &impl ConnectionTrait, claim: Claim, now: DateTime<Utc>) -> Result<bool, DbErr> {
    // Locked and then written: what an update changed that changes nothing is
    // counted by some databases alone.
    let row = Entity::find().filter(of(claim)).filter(Column::DueAt.lte(now)).lock_exclusive().one(txn).await?;
    if row.is_none() {
        return Ok(false);
    }
    Entity::update_many().col_expr(Column::Started, Expr::value(true)).filter(of(claim)).exec(txn).await?;
    Ok(true)
}

/// Puts an errand off, or forward, to a time.
pub async fn reschedule(
    db: &impl ConnectionTrait,
    claim: Claim,
    due_at: DateTime<Utc>,
    attempts: i32,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(due_at))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .filter(of(claim))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets an errand that is done.
pub async fn remove(db: &impl ConnectionTrait, claim: Claim) -> Result<(), DbErr> {
    Entity::delete_many().filter(of(claim)).exec(db).await?;
    Ok(())
}
