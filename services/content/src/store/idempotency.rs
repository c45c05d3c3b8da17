//! Idempotency keys of requests that create videos.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::entity::idempotency_key::{ActiveModel, Column, Entity};
use crate::domain::{IdempotencyKey, VideoId};

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    pub request_hash: String,
    pub video: VideoId,
    pub created_at: DateTime<Utc>,
}

pub async fn lock_in_txn(
    txn: &impl ConnectionTrait,
    owner: UserId,
    key: &IdempotencyKey,
) -> Result<Option<StoredKey>, DbError> {
    let row = Entity::find_by_id((owner.0, key.key_hash.clone())).lock_exclusive().one(txn).await?;
    Ok(row.map(|r| StoredKey { request_hash: r.request_hash, video: VideoId(r.video_id), created_at: r.created_at }))
}

/// Locks the keys of a video, which makes new requests with them wait.
pub async fn lock_of_video_in_txn(txn: &impl ConnectionTrait, video: VideoId) -> Result<(), DbError> {
    Entity::find().filter(Column::VideoId.eq(video.0)).lock_exclusive().all(txn).await?;
    Ok(())
}

/// Fails with a duplicate key when a concurrent request has stored it.
pub async fn insert_in_txn(
    txn: &impl ConnectionTrait,
    owner: UserId,
    key: &IdempotencyKey,
    video: VideoId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = ActiveModel {
        owner_id: Set(owner.0),
        key_hash: Set(key.key_hash.clone()),
        request_hash: Set(key.request_hash.clone()),
        video_id: Set(video.0),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Reuses an expired key for another request.
pub async fn replace_in_txn(
    txn: &impl ConnectionTrait,
    owner: UserId,
    key: &IdempotencyKey,
    video: VideoId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::RequestHash, Expr::value(key.request_hash.as_str()))
        .col_expr(Column::VideoId, Expr::value(video.0))
        .col_expr(Column::CreatedAt, Expr::value(now))
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::KeyHash.eq(key.key_hash.as_str()))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn delete_of_video(db: &impl ConnectionTrait, video: VideoId) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::VideoId.eq(video.0)).exec(db).await?;
    Ok(())
}

pub async fn delete_older(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::CreatedAt.lt(before)).exec(db).await?.rows_affected)
}

pub async fn delete_of_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::OwnerId.eq(owner.0)).exec(db).await?.rows_affected)
}
