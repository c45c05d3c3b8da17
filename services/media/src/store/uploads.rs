//! Uploads in progress and stored uploads.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, UpdateMany, sea_query::Expr,
};

use super::entity::upload::{ActiveModel, Column, Entity, Model, State};
use crate::domain::upload::{Kind, Status, Upload, UploadId, UploadMetadata, object_key};

/// An upload in progress.
#[derive(Clone, Copy, Debug)]
pub struct PendingUpload {
    pub id: UploadId,
    pub owner: UserId,
    pub kind: Kind,
    pub content_type: &'static str,
    pub size_bytes: u64,
    pub poster_of: Option<UploadId>,
}

impl From<Model> for Upload {
    fn from(row: Model) -> Self {
        Self {
            id: UploadId(row.id),
            kind: Kind::parse(&row.kind).unwrap_or(Kind::Video),
            content_type: row.content_type,
            metadata: UploadMetadata {
                size_bytes: row.size_bytes as u64,
                sha256: row.sha256,
                duration_seconds: row.duration_seconds,
                width: row.width,
                height: row.height,
            },
            status: Status::from_columns(&row.status, &row.failure),
            object_key: row.object_key,
            created_at: row.created_at,
        }
    }
}

pub async fn insert(db: &impl ConnectionTrait, upload: PendingUpload, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(upload.id.0),
        owner_id: Set(upload.owner.0),
        kind: Set(upload.kind.as_str().to_owned()),
        state: Set(State::Receiving),
        content_type: Set(upload.content_type.to_owned()),
        size_bytes: Set(upload.size_bytes as i64),
        sha256: Set(String::new()),
        duration_seconds: Set(0),
        width: Set(0),
        height: Set(0),
        status: Set(Status::Ready.columns().0.to_owned()),
        failure: Set(String::new()),
        object_key: Set(object_key(upload.id)),
        multipart_id: Set(None),
        poster_of: Set(upload.poster_of.map(|id| id.0)),
        used_by_kind: Set(None),
        used_by_id: Set(None),
        is_confirmed: Set(false),
        touched_at: Set(now),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

fn receiving(id: UploadId) -> UpdateMany<Entity> {
    Entity::update_many().filter(Column::Id.eq(id.0)).filter(Column::State.eq(State::Receiving))
}

/// False when the upload was aborted meanwhile.
pub async fn set_multipart_id(db: &impl ConnectionTrait, id: UploadId, multipart_id: &str) -> Result<bool, DbError> {
    let updated = receiving(id).col_expr(Column::MultipartId, Expr::value(multipart_id)).exec(db).await?;
    Ok(updated.rows_affected == 1)
}

/// False when the upload was aborted; none when there is no row.
pub async fn is_receiving(db: &impl ConnectionTrait, id: UploadId) -> Result<Option<bool>, DbError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(|row| row.state == State::Receiving))
}

/// The heartbeat of an upload in progress and its poster.
pub async fn touch(db: &impl ConnectionTrait, id: UploadId, now: DateTime<Utc>) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::TouchedAt, Expr::value(now))
        .filter(with_poster(id))
        .filter(Column::State.eq(State::Receiving))
        .exec(db)
        .await?;
    Ok(())
}

/// False when the upload was aborted meanwhile.
pub async fn mark_stored(
    db: &impl ConnectionTrait,
    id: UploadId,
    metadata: &UploadMetadata,
    status: Status,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let updated = receiving(id)
        .col_expr(Column::Status, Expr::value(status.columns().0))
        .col_expr(Column::State, Expr::value(State::Stored))
        .col_expr(Column::SizeBytes, Expr::value(metadata.size_bytes as i64))
        .col_expr(Column::Sha256, Expr::value(metadata.sha256.as_str()))
        .col_expr(Column::DurationSeconds, Expr::value(metadata.duration_seconds))
        .col_expr(Column::Width, Expr::value(metadata.width))
        .col_expr(Column::Height, Expr::value(metadata.height))
        .col_expr(Column::MultipartId, Expr::value(None::<String>))
        .col_expr(Column::TouchedAt, Expr::value(now))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// A stored video or picture of a user.
pub async fn find_of_owner(db: &impl ConnectionTrait, id: UploadId, owner: UserId) -> Result<Option<Upload>, DbError> {
    let row = Entity::find_by_id(id.0)
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::PosterOf.is_null())
        .one(db)
        .await?;
    Ok(row.map(Upload::from))
}

/// A stored upload of any owner: the caller has a signed address.
pub async fn find(db: &impl ConnectionTrait, id: UploadId) -> Result<Option<Upload>, DbError> {
    let row = Entity::find_by_id(id.0).filter(Column::State.eq(State::Stored)).one(db).await?;
    Ok(row.map(Upload::from))
}

/// An upload and its poster, if it is a video.
pub(super) fn with_poster(id: UploadId) -> Condition {
    Condition::any().add(Column::Id.eq(id.0)).add(Column::PosterOf.eq(id.0))
}
