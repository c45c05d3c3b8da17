//! What media is still to be told, kept until it was.
//!
//! A request that is about to claim uploads stores an *intent* first. In the
//! transaction that uses the uploads it takes the intent back; where that finds
//! none, the claim is being released and the request must not go on. An intent
//! that is not taken back by its time becomes a *release*, as does everything
//! that is to be removed.

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::entity::errand::{ActiveModel, Column, Entity, Model};
use crate::domain::{UploadId, VideoId};

/// An errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    pub id: i64,
    pub video: VideoId,
    /// One upload of the video's claim; all of them without.
    pub upload: Option<UploadId>,
    pub is_intent: bool,
    /// Hand the uploads back instead of removing them.
    pub keep_files: bool,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
    /// Whose uploads they are. None in errands from before it was kept.
    pub owner: Option<UserId>,
}

/// What an errand is about.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub id: i64,
    pub video: VideoId,
    pub upload: Option<UploadId>,
    pub owner: UserId,
}

impl Errand {
    /// Gives back what a request has claimed, unless it comes to its end.
    pub fn intent(about: About, due_at: DateTime<Utc>) -> Self {
        Self { is_intent: true, keep_files: true, ..Self::removal(about, due_at) }
    }

    /// Removes the files.
    pub fn removal(about: About, now: DateTime<Utc>) -> Self {
        let About { id, video, upload, owner } = about;
        let owner = Some(owner);
        Self { id, video, upload, is_intent: false, keep_files: false, attempts: 0, due_at: now, owner }
    }
}

impl From<Model> for Errand {
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

pub async fn insert(db: &impl ConnectionTrait, errand: Errand) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(errand.id),
        video_id: Set(errand.video.0),
        upload_id: Set(upload_id(errand.upload)),
        is_intent: Set(errand.is_intent),
        keep_files: Set(errand.keep_files),
        attempts: Set(errand.attempts),
        due_at: Set(errand.due_at),
        owner_id: Set(errand.owner.map(|o| o.0)),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Takes an intent back. False when its claim is being released.
pub async fn take_back_in_txn(txn: &impl ConnectionTrait, id: i64) -> Result<bool, DbErr> {
    let taken = Entity::delete_many().filter(Column::Id.eq(id)).filter(Column::IsIntent.eq(true)).exec(txn).await?;
    Ok(taken.rows_affected == 1)
}

/// Turns every intent on the same uploads into a release, which stops the
/// requests that stored them. Each keeps its own time: until then its request
/// may claim once more.
pub async fn stop_intents_in_txn(
    txn: &impl ConnectionTrait,
    video: VideoId,
    upload: Option<UploadId>,
) -> Result<(), DbErr> {
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
pub async fn stop_all_intents_in_txn(txn: &impl ConnectionTrait, video: VideoId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::IsIntent, Expr::value(false))
        .filter(Column::VideoId.eq(video.0))
        .filter(Column::IsIntent.eq(true))
        .exec(txn)
        .await?;
    Ok(())
}

/// Whether an upload of a video is on its way out.
pub async fn is_being_released(db: &impl ConnectionTrait, video: VideoId, upload: UploadId) -> Result<bool, DbErr> {
    let row = Entity::find()
        .filter(Column::VideoId.eq(video.0))
        .filter(Column::UploadId.eq(upload.0))
        .filter(Column::IsIntent.eq(false))
        .one(db)
        .await?;
    Ok(row.is_some())
}

/// What is due, the longest waiting first.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<Errand>, DbErr> {
    let rows = Entity::find()
        .filter(Column::DueAt.lte(now))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Errand::from).collect())
}

/// Puts an errand off, or forward, to a time.
pub async fn reschedule(db: &impl ConnectionTrait, id: i64, due_at: DateTime<Utc>, attempts: i32) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(due_at))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets an errand that is done.
pub async fn remove(db: &impl ConnectionTrait, id: i64) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// Whether media is still to be told of somebody's uploads.
pub async fn any_of_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(Column::OwnerId.eq(owner.0)).one(db).await?.is_some())
}

/// Lets nothing of somebody's wait for its time.
pub async fn hurry_intents_of_owner(db: &impl ConnectionTrait, owner: UserId, now: DateTime<Utc>) -> Result<(), DbErr> {
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
