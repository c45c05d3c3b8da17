//! Channels and videos, projected from their services' events.

use chrono::{DateTime, Utc};
use fenz_core::{ChannelId, UserId, VideoId};
use fenz_database::{DbError, upsert_newer};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::entity::{channel, video};

/// In characters.
const MAX_NAME: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    pub owner: UserId,
    pub name: String,
    pub is_hidden: bool,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Video {
    pub id: VideoId,
    /// Whether members may see it.
    pub is_visible: bool,
    pub version: i64,
}

pub async fn channel(db: &impl ConnectionTrait, id: ChannelId) -> Result<Option<Channel>, DbError> {
    let row = channel::Entity::find_by_id(id.0).one(db).await?;
    Ok(row.map(|row| Channel {
        id: ChannelId(row.channel_id),
        owner: UserId(row.owner_id),
        name: row.name,
        is_hidden: row.is_hidden,
        version: row.version,
    }))
}

/// Stores a channel unless a newer version is stored.
pub async fn upsert_channel_in_txn(txn: &impl ConnectionTrait, channel: &Channel) -> Result<(), DbError> {
    let row = channel::ActiveModel {
        channel_id: Set(channel.id.0),
        owner_id: Set(channel.owner.0),
        name: Set(channel.name.chars().take(MAX_NAME).collect()),
        is_hidden: Set(channel.is_hidden),
        version: Set(channel.version),
    };
    upsert_newer(txn, row, channel::Column::Version).await
}

/// An owner's channels: `(id, version)`.
pub async fn channels_of(db: &impl ConnectionTrait, owner: UserId) -> Result<Vec<(ChannelId, i64)>, DbError> {
    let rows: Vec<(i64, i64)> = channel::Entity::find()
        .select_only()
        .columns([channel::Column::ChannelId, channel::Column::Version])
        .filter(channel::Column::OwnerId.eq(owner.0))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, version)| (ChannelId(id), version)).collect())
}

pub async fn lock_video_in_txn(txn: &impl ConnectionTrait, id: VideoId) -> Result<Option<Video>, DbError> {
    let row = video::Entity::find_by_id(id.0).lock_exclusive().one(txn).await?;
    Ok(row.map(|row| Video { id: VideoId(row.video_id), is_visible: row.is_visible, version: row.version }))
}

/// Stores a video unless a newer version is stored.
pub async fn upsert_video_in_txn(txn: &impl ConnectionTrait, video: Video, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = video::ActiveModel {
        video_id: Set(video.id.0),
        is_visible: Set(video.is_visible),
        version: Set(video.version),
        updated_at: Set(now),
    };
    upsert_newer(txn, row, video::Column::Version).await
}

/// Deletes videos that have not changed since; the bus no longer has events of theirs.
pub async fn prune_videos(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    video::Entity::delete_many().filter(video::Column::UpdatedAt.lt(before)).exec(db).await?;
    Ok(())
}
