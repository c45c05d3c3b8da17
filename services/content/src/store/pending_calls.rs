//! Calls to media that are not done.
//!
//! A request stores an *intent* before it claims uploads, and completes it in the
//! transaction that uses them. When the intent is missing there, the claim is being
//! released and the request must fail. An intent that is not completed by `due_at`
//! becomes a *release*. The removal of files is a release from the start.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::entity::pending_call::{ActiveModel, Column, Entity, Model};
use crate::domain::{UploadId, VideoId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingCall {
    pub id: i64,
    pub video: VideoId,
    /// None: all uploads that the video has claimed.
    pub upload: Option<UploadId>,
    pub is_intent: bool,
    /// Release the uploads without deleting their files.
    pub keep_files: bool,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
    /// The owner of the uploads. None in rows older than the column.
    pub owner: Option<UserId>,
}

/// The uploads that a call releases.
#[derive(Clone, Copy, Debug)]
pub struct CallTarget {
    pub id: i64,
    pub video: VideoId,
    pub upload: Option<UploadId>,
    pub owner: UserId,
}

impl PendingCall {
    /// Releases a request's claims, unless the request completes it.
    pub fn intent(target: CallTarget, due_at: DateTime<Utc>) -> Self {
        Self { is_intent: true, keep_files: true, ..Self::removal(target, due_at) }
    }

    /// Deletes the files.
    pub fn removal(target: CallTarget, now: DateTime<Utc>) -> Self {
        let CallTarget { id, video, upload, owner } = target;
        let owner = Some(owner);
        Self { id, video, upload, is_intent: false, keep_files: false, attempts: 0, due_at: now, owner }
    }
}

impl From<Model> for PendingCall {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            video: VideoId(row.video_id),
            upload: Some(row.upload_id).filter(|id| *id != 0).map(UploadId),
            is_intent: row.is_intent,
            keep_files: row.keep_files,
            attempts: row.attempts,
            due_at: row.due_at,
            owner: row.owner_id.map(UserId),
        }
    }
}

fn upload_id(upload: Option<UploadId>) -> i64 {
    upload.map_or(0, |u| u.0)
}

pub async fn insert(db: &impl ConnectionTrait, call: PendingCall) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(call.id),
        video_id: Set(call.video.0),
        upload_id: Set(upload_id(call.upload)),
        is_intent: Set(call.is_intent),
        keep_files: Set(call.keep_files),
        attempts: Set(call.attempts),
        due_at: Set(call.due_at),
        owner_id: Set(call.owner.map(|o| o.0)),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Completes an intent. False when its claim is being released.
pub async fn complete_intent_in_txn(txn: &impl ConnectionTrait, id: i64) -> Result<bool, DbError> {
    let deleted = Entity::delete_many().filter(Column::Id.eq(id)).filter(Column::IsIntent.eq(true)).exec(txn).await?;
    Ok(deleted.rows_affected == 1)
}

/// Turns every intent on the same uploads into a release, so that the requests which
/// stored them fail. Each keeps its `due_at`, as until then its request may claim
/// again.
pub async fn cancel_intents_in_txn(
    txn: &impl ConnectionTrait,
    video: VideoId,
    upload: Option<UploadId>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::IsIntent, Expr::value(false))
        .filter(Column::VideoId.eq(video.0))
        .filter(Column::UploadId.eq(upload_id(upload)))
        .filter(Column::IsIntent.eq(true))
        .exec(txn)
        .await?;
    Ok(())
}

/// The same for all uploads of a video.
pub async fn cancel_all_intents_in_txn(txn: &impl ConnectionTrait, video: VideoId) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::IsIntent, Expr::value(false))
        .filter(Column::VideoId.eq(video.0))
        .filter(Column::IsIntent.eq(true))
        .exec(txn)
        .await?;
    Ok(())
}

/// Whether an upload of a video has a pending release.
pub async fn is_being_released(db: &impl ConnectionTrait, video: VideoId, upload: UploadId) -> Result<bool, DbError> {
    let row = Entity::find()
        .filter(Column::VideoId.eq(video.0))
        .filter(Column::UploadId.eq(upload.0))
        .filter(Column::IsIntent.eq(false))
        .one(db)
        .await?;
    Ok(row.is_some())
}

/// The calls that are due, the earliest first.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<PendingCall>, DbError> {
    let rows = Entity::find()
        .filter(Column::DueAt.lte(now))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(PendingCall::from).collect())
}

pub async fn reschedule(
    db: &impl ConnectionTrait,
    id: i64,
    due_at: DateTime<Utc>,
    attempts: i32,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(due_at))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn delete(db: &impl ConnectionTrait, id: i64) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// Whether an owner's uploads have pending calls.
pub async fn any_of_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbError> {
    Ok(Entity::find().filter(Column::OwnerId.eq(owner.0)).one(db).await?.is_some())
}

/// Makes an owner's intents due now.
pub async fn expedite_intents_of_owner(
    db: &impl ConnectionTrait,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now))
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::KeepFiles.eq(true))
        .filter(Column::Attempts.eq(0))
        .filter(Column::DueAt.gt(now))
        .exec(db)
        .await?;
    Ok(())
}
