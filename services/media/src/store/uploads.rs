//! Uploads, from their first byte until they are stored.

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, UpdateMany,
    sea_query::Expr,
};

use super::entity::upload::{ActiveModel, Column, Entity, Model, State};
use crate::domain::upload::{Kind, Shape, Upload, UploadId, object_key};

/// An upload whose bytes are about to come.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    pub id: UploadId,
    pub owner: UserId,
    pub kind: Kind,
    pub content_type: &'static str,
    pub size_bytes: u64,
    pub poster_of: Option<UploadId>,
}

/// What is known once all bytes are there.
#[derive(Clone, Debug)]
pub struct Facts {
    pub size_bytes: u64,
    pub sha256: String,
    pub shape: Shape,
}

impl From<Model> for Upload {
    fn from(row: Model) -> Self {
        Self {
            id: UploadId(row.id),
            kind: Kind::parse(&row.kind).unwrap_or(Kind::Video),
            content_type: row.content_type,
            size_bytes: row.size_bytes as u64,
            sha256: row.sha256,
            shape: Shape { duration_seconds: row.duration_seconds, width: row.width, height: row.height },
            object_key: row.object_key,
            created_at: row.created_at,
        }
    }
}

/// Stores that bytes are about to come.
pub async fn announce(db: &impl ConnectionTrait, upload: Announced, now: DateTime<Utc>) -> Result<(), DbErr> {
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
        object_key: Set(object_key(upload.id)),
        multipart_id: Set(None),
        poster_of: Set(upload.poster_of.map(|id| id.0)),
        claim: Set(None),
        touched_at: Set(now),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

fn receiving(id: UploadId) -> UpdateMany<Entity> {
    Entity::update_many().filter(Column::Id.eq(id.0)).filter(Column::State.eq(State::Receiving))
}

/// Keeps the object store's id of the multipart upload. False when the upload
/// was given up meanwhile.
pub async fn keep_multipart(db: &impl ConnectionTrait, id: UploadId, multipart: &str) -> Result<bool, DbErr> {
    let done = receiving(id).col_expr(Column::MultipartId, Expr::value(multipart)).exec(db).await?;
    Ok(done.rows_affected == 1)
}

/// Whether an upload is still to be taken in; none when there is no such row.
pub async fn is_receiving(db: &impl ConnectionTrait, id: UploadId) -> Result<Option<bool>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(|row| row.state == State::Receiving))
}

/// Says that the upload, and its poster frame, are still worked on.
pub async fn touch(db: &impl ConnectionTrait, id: UploadId, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::TouchedAt, Expr::value(now))
        .filter(this_or_its_poster(id))
        .filter(Column::State.eq(State::Receiving))
        .exec(db)
        .await?;
    Ok(())
}

/// Stores what is known of an upload whose bytes are all there. False when it
/// was given up meanwhile.
pub async fn finish(db: &impl ConnectionTrait, id: UploadId, facts: &Facts, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let done = receiving(id)
        .col_expr(Column::State, Expr::value(State::Stored))
        .col_expr(Column::SizeBytes, Expr::value(facts.size_bytes as i64))
        .col_expr(Column::Sha256, Expr::value(facts.sha256.as_str()))
        .col_expr(Column::DurationSeconds, Expr::value(facts.shape.duration_seconds))
        .col_expr(Column::Width, Expr::value(facts.shape.width))
        .col_expr(Column::Height, Expr::value(facts.shape.height))
        .col_expr(Column::MultipartId, Expr::value(None::<String>))
        .col_expr(Column::TouchedAt, Expr::value(now))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// An upload that is there, whoever's it is: for those who hold a signed address.
pub async fn find(db: &impl ConnectionTrait, id: UploadId) -> Result<Option<Upload>, DbErr> {
    let row = Entity::find_by_id(id.0).filter(Column::State.eq(State::Stored)).one(db).await?;
    Ok(row.map(Upload::from))
}

/// An upload and, of a video, its frame.
pub(super) fn this_or_its_poster(id: UploadId) -> Condition {
    Condition::any().add(Column::Id.eq(id.0)).add(Column::PosterOf.eq(id.0))
}
