//! Videos and their tags.

use fenz_core::{ChannelId, TagId, UserId};
use fenz_database::DbError;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::entity::{
    video::{ActiveModel, Column, Entity, Model},
    video_tag,
};
use crate::domain::{CategoryId, HiddenReasons, MediaStatus, Tier, UploadId, Video, VideoId, Views};

/// Videos inserted in one statement; databases limit its parameters.
const INSERT_BATCH: usize = 250;

pub(super) fn video(row: Model, tags: Vec<TagId>) -> Video {
    Video {
        id: VideoId(row.id),
        channel_id: ChannelId(row.channel_id),
        owner: UserId(row.owner_id),
        title: row.title,
        description: row.description,
        category: row.category_id.map(CategoryId),
        tags,
        tier: Tier::from_number(row.access_tier),
        is_published: row.is_published,
        publish_at: row.publish_at,
        media: MediaStatus::from_names(&row.media_status, &row.media_failure),
        hidden: HiddenReasons::from_bits(row.hidden_reasons),
        views: Views { member: row.views_member, other: row.views_non_member },
        duration_seconds: row.duration_seconds,
        width: row.width,
        height: row.height,
        upload: Some(row.video_upload_id).filter(|id| *id != 0).map(UploadId),
        thumbnail: row.thumbnail_upload_id.map(UploadId),
        created_at: row.created_at,
        published_at: row.published_at,
        updated_at: row.updated_at,
        version: row.version,
    }
}

pub async fn find(db: &impl ConnectionTrait, id: VideoId) -> Result<Option<Video>, DbError> {
    let Some(row) = Entity::find_by_id(id.0).one(db).await? else { return Ok(None) };
    Ok(Some(video(row, tags_of(db, id).await?)))
}

pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: VideoId) -> Result<Option<Video>, DbError> {
    let Some(row) = Entity::find_by_id(id.0).lock_exclusive().one(txn).await? else { return Ok(None) };
    Ok(Some(video(row, tags_of(txn, id).await?)))
}

pub async fn exists(db: &impl ConnectionTrait, id: VideoId) -> Result<bool, DbError> {
    let row = Entity::find_by_id(id.0).select_only().column(Column::Id).into_tuple::<i64>().one(db).await?;
    Ok(row.is_some())
}

async fn tags_of(db: &impl ConnectionTrait, id: VideoId) -> Result<Vec<TagId>, DbError> {
    let tags = video_tag::Entity::find()
        .filter(video_tag::Column::VideoId.eq(id.0))
        .order_by_asc(video_tag::Column::Position)
        .all(db)
        .await?;
    Ok(tags.into_iter().map(|t| TagId(t.tag_id)).collect())
}

pub async fn insert_in_txn(txn: &impl ConnectionTrait, video: &Video) -> Result<(), DbError> {
    Entity::insert(new_row(video)).exec_without_returning(txn).await?;
    insert_tags(txn, [video]).await
}

/// Inserts videos with their import keys. Fails with a duplicate key when a video has
/// one of them.
pub async fn import_in_txn(txn: &impl ConnectionTrait, videos: &[(&str, &Video)]) -> Result<(), DbError> {
    for videos in videos.chunks(INSERT_BATCH) {
        let rows = videos.iter().map(|(key, video)| {
            let import_key = Set(Some((*key).to_owned()));
            ActiveModel { import_key, ..new_row(video) }
        });
        Entity::insert_many(rows).exec_without_returning(txn).await?;
        insert_tags(txn, videos.iter().map(|(_, video)| *video)).await?;
    }
    Ok(())
}

/// The videos with these import keys.
pub async fn find_imported(
    db: &impl ConnectionTrait,
    keys: impl IntoIterator<Item = &str>,
) -> Result<HashMap<String, VideoId>, DbError> {
    let rows: Vec<(String, i64)> = Entity::find()
        .select_only()
        .columns([Column::ImportKey, Column::Id])
        .filter(Column::ImportKey.is_in(keys))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(key, id)| (key, VideoId(id))).collect())
}

fn new_row(video: &Video) -> ActiveModel {
    ActiveModel {
        id: Set(video.id.0),
        channel_id: Set(video.channel_id.0),
        owner_id: Set(video.owner.0),
        views_member: Set(video.views.member),
        views_non_member: Set(video.views.other),
        created_at: Set(video.created_at),
        video_upload_id: Set(video.upload.map_or(0, |u| u.0)),
        ..editable(video)
    }
}

/// Updates the columns that change after the creation.
pub async fn update_in_txn(txn: &impl ConnectionTrait, video: &Video) -> Result<(), DbError> {
    Entity::update_many().set(editable(video)).filter(Column::Id.eq(video.id.0)).exec(txn).await?;
    delete_tags(txn, video.id).await?;
    insert_tags(txn, [video]).await
}

fn editable(video: &Video) -> ActiveModel {
    let (media_status, media_failure) = video.media.names();
    ActiveModel {
        publish_at: Set(video.publish_at),
        media_status: Set(media_status.to_owned()),
        media_failure: Set(media_failure.to_owned()),
        duration_seconds: Set(video.duration_seconds),
        width: Set(video.width),
        height: Set(video.height),
        title: Set(video.title.clone()),
        description: Set(video.description.clone()),
        category_id: Set(video.category.map(|c| c.0)),
        access_tier: Set(video.tier.number()),
        is_published: Set(video.is_published),
        hidden_reasons: Set(video.hidden.bits()),
        thumbnail_upload_id: Set(video.thumbnail.map(|t| t.0)),
        published_at: Set(video.published_at),
        updated_at: Set(video.updated_at),
        version: Set(video.version),
        ..ActiveModel::default()
    }
}

async fn insert_tags(txn: &impl ConnectionTrait, videos: impl IntoIterator<Item = &Video>) -> Result<(), DbError> {
    let rows = videos.into_iter().flat_map(|video| {
        (0..).zip(&video.tags).map(|(position, tag)| video_tag::ActiveModel {
            video_id: Set(video.id.0),
            tag_id: Set(tag.0),
            position: Set(position),
        })
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        video_tag::Entity::insert_many(rows).exec_without_returning(txn).await?;
    }
    Ok(())
}

async fn delete_tags(txn: &impl ConnectionTrait, id: VideoId) -> Result<(), DbError> {
    video_tag::Entity::delete_many().filter(video_tag::Column::VideoId.eq(id.0)).exec(txn).await?;
    Ok(())
}

/// Removes a video and its tags.
pub async fn delete_in_txn(txn: &impl ConnectionTrait, id: VideoId) -> Result<(), DbError> {
    delete_tags(txn, id).await?;
    Entity::delete_many().filter(Column::Id.eq(id.0)).exec(txn).await?;
    Ok(())
}

pub async fn ids_of_owner(db: &impl ConnectionTrait, owner: UserId, limit: u64) -> Result<Vec<VideoId>, DbError> {
    ids(db, Entity::find().filter(Column::OwnerId.eq(owner.0)), limit).await
}

/// Videos of a channel that were created before a time.
pub async fn ids_of_channel(
    db: &impl ConnectionTrait,
    channel: ChannelId,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<VideoId>, DbError> {
    let of_channel = Entity::find().filter(Column::ChannelId.eq(channel.0)).filter(Column::CreatedAt.lt(before));
    ids(db, of_channel, limit).await
}

pub async fn ids_of_category(
    db: &impl ConnectionTrait,
    category: CategoryId,
    limit: u64,
) -> Result<Vec<VideoId>, DbError> {
    ids(db, Entity::find().filter(Column::CategoryId.eq(category.0)), limit).await
}

pub async fn ids_of_tag(db: &impl ConnectionTrait, tag: TagId, limit: u64) -> Result<Vec<VideoId>, DbError> {
    let rows = video_tag::Entity::find().filter(video_tag::Column::TagId.eq(tag.0)).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| VideoId(row.video_id)).collect())
}

async fn ids(db: &impl ConnectionTrait, query: Select<Entity>, limit: u64) -> Result<Vec<VideoId>, DbError> {
    let ids = query.select_only().column(Column::Id).limit(limit).into_tuple::<i64>().all(db).await?;
    Ok(ids.into_iter().map(VideoId).collect())
}
