//! Channels and videos, projected from their services' events.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};

use super::entity::{channel, video};

/// In characters.
const MAX_NAME: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: i64,
    pub owner: i64,
    pub name: String,
    pub is_hidden: bool,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Video {
    pub id: i64,
    /// Whether members may see it.
    pub is_visible: bool,
    pub version: i64,
}

pub async fn channel(db: &impl ConnectionTrait, id: i64) -> Result<Option<Channel>, DbError> {
    let row = channel::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(|row| Channel {
        id: row.channel_id,
        owner: row.owner_id,
        name: row.name,
        is_hidden: row.is_hidden,
        version: row.version,
    }))
}

pub async fn upsert_channel_in_txn(txn: &impl ConnectionTrait, channel: &Channel) -> Result<(), DbError> {
    use channel::Column as C;
    let row = channel::ActiveModel {
        channel_id: Set(channel.id),
        owner_id: Set(channel.owner),
        name: Set(channel.name.chars().take(MAX_NAME).collect()),
        is_hidden: Set(channel.is_hidden),
        version: Set(channel.version),
    };
    let replace =
        OnConflict::column(C::ChannelId).update_columns([C::OwnerId, C::Name, C::IsHidden, C::Version]).to_owned();
    channel::Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    Ok(())
}

/// An owner's channels: `(id, version)`.
pub async fn channels_of(db: &impl ConnectionTrait, owner: i64) -> Result<Vec<(i64, i64)>, DbError> {
    Ok(channel::Entity::find()
        .select_only()
        .columns([channel::Column::ChannelId, channel::Column::Version])
        .filter(channel::Column::OwnerId.eq(owner))
        .into_tuple()
        .all(db)
        .await?)
}

pub async fn lock_video_in_txn(txn: &impl ConnectionTrait, id: i64) -> Result<Option<Video>, DbError> {
    let row = video::Entity::find_by_id(id).lock_exclusive().one(txn).await?;
    Ok(row.map(|row| Video { id: row.video_id, is_visible: row.is_visible, version: row.version }))
}

pub async fn upsert_video_in_txn(txn: &impl ConnectionTrait, video: Video, now: DateTime<Utc>) -> Result<(), DbError> {
    use video::Column as C;
    let row = video::ActiveModel {
        video_id: Set(video.id),
        is_visible: Set(video.is_visible),
        version: Set(video.version),
        updated_at: Set(now),
    };
    let replace = OnConflict::column(C::VideoId).update_columns([C::IsVisible, C::Version, C::UpdatedAt]).to_owned();
    video::Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    Ok(())
}

/// Deletes videos that have not changed since; the bus no longer has events of theirs.
pub async fn prune_videos(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    video::Entity::delete_many().filter(video::Column::UpdatedAt.lt(before)).exec(db).await?;
    Ok(())
}
