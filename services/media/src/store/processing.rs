//! Videos that are being processed, and what came of it.

use fenz_core::{UserId, VideoId};
use fenz_database::DbError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{
    entity::upload::{Column, Entity, State},
    uses::use_of,
};
use crate::domain::{
    media_info::MediaInfo,
    upload::{Status, Upload, UploadId},
    upload_use::UploadUse,
};

/// A stored video.
#[derive(Clone, Debug)]
pub struct StoredVideo {
    pub upload: Upload,
    pub owner: UserId,
    /// What has or reserves it.
    pub used_by: Option<UploadUse>,
    pub poster: Option<UploadId>,
}

impl StoredVideo {
    /// The video object whose file it is.
    pub fn video(&self) -> Option<VideoId> {
        match self.used_by {
            Some(UploadUse::Video(id)) => Some(id),
            _ => None,
        }
    }
}

/// Locks a stored video: of several transactions that change it, its poster or its
/// use, each sees what those before it did.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: UploadId) -> Result<Option<StoredVideo>, DbError> {
    let stored = Entity::find_by_id(id.0).filter(Column::State.eq(State::Stored)).filter(Column::PosterOf.is_null());
    let Some(row) = stored.lock_exclusive().one(txn).await? else { return Ok(None) };
    let poster = Entity::find().filter(Column::PosterOf.eq(id.0)).filter(Column::State.eq(State::Stored));
    let poster = poster.one(txn).await?.map(|row| UploadId(row.id));
    let (owner, used_by) = (UserId(row.owner_id), use_of(&row));
    Ok(Some(StoredVideo { upload: row.into(), owner, used_by, poster }))
}

/// Ends the processing of a video.
pub async fn finish_in_txn(
    txn: &impl ConnectionTrait,
    id: UploadId,
    status: Status,
    info: &MediaInfo,
) -> Result<(), DbError> {
    let (status, failure) = status.columns();
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::Failure, Expr::value(failure))
        .col_expr(Column::DurationSeconds, Expr::value(info.duration_seconds))
        .col_expr(Column::Width, Expr::value(info.width))
        .col_expr(Column::Height, Expr::value(info.height))
        .filter(Column::Id.eq(id.0))
        .exec(txn)
        .await?;
    Ok(())
}

/// Gives a poster to what uses its video. It counts as used until the object's event
/// says which thumbnail the object has.
pub async fn share_use_in_txn(txn: &impl ConnectionTrait, poster: UploadId, used_by: UploadUse) -> Result<(), DbError> {
    let (kind, id) = used_by.columns();
    Entity::update_many()
        .col_expr(Column::UsedByKind, Expr::value(kind))
        .col_expr(Column::UsedById, Expr::value(id))
        .filter(Column::Id.eq(poster.0))
        .exec(txn)
        .await?;
    Ok(())
}
