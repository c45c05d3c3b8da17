//! Tags.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::entity::{
    tag::{ActiveModel, Column, Entity, Model},
    video_tag,
};
use crate::domain::{Tag, TagId, VideoId, name_key};

fn tag(row: Model) -> Tag {
    Tag { id: TagId(row.id), name: row.name, slug: row.slug, version: row.version }
}

/// All of them, by name.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Tag>, DbError> {
    let rows = Entity::find().order_by_asc(Column::NameKey).all(db).await?;
    Ok(rows.into_iter().map(tag).collect())
}

/// The existing ones of these, by name.
pub async fn find(db: &impl ConnectionTrait, ids: &[TagId]) -> Result<Vec<Tag>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).order_by_asc(Column::NameKey);
    Ok(query.all(db).await?.into_iter().map(tag).collect())
}

/// One tag, locked until the transaction ends.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: TagId) -> Result<Option<Tag>, DbError> {
    Ok(Entity::find_by_id(id.0).lock_exclusive().one(txn).await?.map(tag))
}

/// Inserts a tag; fails as a duplicate if the name or slug is in use.
pub async fn insert_in_txn(txn: &impl ConnectionTrait, tag: &Tag, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(tag.id.0),
        name: Set(tag.name.clone()),
        name_key: Set(name_key(&tag.name)),
        slug: Set(tag.slug.clone()),
        version: Set(tag.version),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Updates the name and slug.
pub async fn update_in_txn(txn: &impl ConnectionTrait, tag: &Tag) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Name, Expr::value(tag.name.clone()))
        .col_expr(Column::NameKey, Expr::value(name_key(&tag.name)))
        .col_expr(Column::Slug, Expr::value(tag.slug.clone()))
        .col_expr(Column::Version, Expr::value(tag.version))
        .filter(Column::Id.eq(tag.id.0))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn delete_in_txn(txn: &impl ConnectionTrait, id: TagId) -> Result<(), DbError> {
    Entity::delete_by_id(id.0).exec(txn).await?;
    Ok(())
}

/// The tags of videos, as pairs of video and tag.
pub async fn find_video_tags(db: &impl ConnectionTrait, videos: &[VideoId]) -> Result<Vec<(VideoId, TagId)>, DbError> {
    if videos.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, i64)> = video_tag::Entity::find()
        .select_only()
        .column(video_tag::Column::VideoId)
        .column(video_tag::Column::TagId)
        .filter(video_tag::Column::VideoId.is_in(videos.iter().map(|id| id.0)))
        .order_by_asc(video_tag::Column::TagId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(video, tag)| (VideoId(video), TagId(tag))).collect())
}
