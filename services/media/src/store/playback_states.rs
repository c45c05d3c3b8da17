//! The states of videos and channels as of other services' events. Events may be
//! consumed in any order; the highest version is stored.

use chrono::{DateTime, Utc};
use fenz_contract::events::v1::{VideoChanged, VideoDeleted};
use fenz_core::{ChannelId, ChannelState, UserId};
use fenz_database::{DbError, upsert_newer};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::entity::{channel_state, upload, user_state, video_state};
use crate::domain::{
    playback::{PlaybackStatus, VideoState},
    upload::UploadId,
    upload_use::UploadUse,
};

/// Stores a video's state unless a newer one is stored. A deletion is final. Whether
/// it was the newest.
pub async fn video_changed_in_txn(
    txn: &impl ConnectionTrait,
    event: &VideoChanged,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let row = video_state::ActiveModel {
        video_id: Set(event.video_id),
        channel_id: Set(event.channel_id),
        owner_id: Set(event.owner_id),
        is_published: Set(event.is_published),
        is_hidden: Set(event.is_hidden),
        is_deleted: Set(false),
        version: Set(event.version),
        updated_at: Set(now),
    };
    upsert_newer(txn, row, video_state::Column::Version).await?;
    let stored = video_state::Entity::find_by_id(event.video_id).one(txn).await?;
    Ok(stored.is_some_and(|row| row.version == event.version))
}

/// Marks a video as deleted, also an unknown one.
pub async fn video_deleted_in_txn(
    txn: &impl ConnectionTrait,
    event: &VideoDeleted,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = video_state::ActiveModel {
        video_id: Set(event.video_id),
        channel_id: Set(event.channel_id),
        owner_id: Set(0),
        is_published: Set(false),
        is_hidden: Set(false),
        is_deleted: Set(true),
        // No change is newer.
        version: Set(i64::MAX),
        updated_at: Set(now),
    };
    upsert_newer(txn, row, video_state::Column::Version).await
}

/// Stores a channel's state unless a newer one is stored. A deleted channel may be
/// recreated. Whether it was the newest.
pub async fn channel_changed_in_txn(txn: &impl ConnectionTrait, state: &ChannelState) -> Result<bool, DbError> {
    let row = channel_state::ActiveModel {
        channel_id: Set(state.id.0),
        owner_id: Set(state.owner.0),
        is_hidden: Set(state.is_hidden),
        is_deleted: Set(state.is_deleted),
        version: Set(state.version),
    };
    upsert_newer(txn, row, channel_state::Column::Version).await?;
    let stored = channel_state::Entity::find_by_id(state.id.0).one(txn).await?;
    Ok(stored.is_some_and(|row| row.version == state.version))
}

/// Notes a user's version unless a newer one is stored. Whether it was the newest.
pub async fn user_changed_in_txn(txn: &impl ConnectionTrait, user: UserId, version: i64) -> Result<bool, DbError> {
    let row = user_state::ActiveModel { user_id: Set(user.0), version: Set(version) };
    upsert_newer(txn, row, user_state::Column::Version).await?;
    let stored = user_state::Entity::find_by_id(user.0).one(txn).await?;
    Ok(stored.is_some_and(|row| row.version == version))
}

/// None when the upload does not exist or is removed.
pub async fn status(db: &impl ConnectionTrait, id: UploadId) -> Result<Option<PlaybackStatus>, DbError> {
    let stored = upload::Entity::find_by_id(id.0).filter(upload::Column::State.eq(upload::State::Stored));
    let columns = stored.select_only().column(upload::Column::UsedByKind).column(upload::Column::UsedById);
    let Some((kind, id)) = columns.into_tuple::<(Option<String>, Option<i64>)>().one(db).await? else {
        return Ok(None);
    };
    let used_by = kind.zip(id).and_then(|(kind, id)| UploadUse::from_columns(&kind, id));
    let Some(UploadUse::Video(video_id)) = used_by else { return Ok(Some(PlaybackStatus::Public)) };
    let Some(video) = video_state::Entity::find_by_id(video_id.0).one(db).await? else {
        return Ok(Some(PlaybackStatus::Public));
    };
    let channel = channel_state::Entity::find_by_id(video.channel_id).one(db).await?;
    let video =
        VideoState { is_published: video.is_published, is_hidden: video.is_hidden, is_deleted: video.is_deleted };
    let channel = channel.map(|row| ChannelState {
        id: ChannelId(row.channel_id),
        owner: UserId(row.owner_id),
        is_hidden: row.is_hidden,
        is_deleted: row.is_deleted,
        version: row.version,
    });
    Ok(Some(PlaybackStatus::new(Some(video), channel)))
}

/// Whether a user's channel is known to be deleted; false for an unknown one.
pub async fn is_channel_deleted(db: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbError> {
    let of_owner = channel_state::Entity::find().filter(channel_state::Column::OwnerId.eq(owner.0)).all(db).await?;
    Ok(!of_owner.is_empty() && of_owner.iter().all(|channel| channel.is_deleted))
}

/// Deletes the states of videos deleted before a time. It must be so long ago that
/// no event of them can be delivered any more.
pub async fn remove_deleted_videos(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    use video_state::{Column, Entity};
    Entity::delete_many().filter(Column::IsDeleted.eq(true)).filter(Column::UpdatedAt.lt(before)).exec(db).await?;
    Ok(())
}

/// Deletes the states of a user's channel and videos. A deleted video's owner may
/// be unknown, but its channel's id is the owner's user id.
pub async fn remove_of_user(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbError> {
    let of_owner =
        Condition::any().add(video_state::Column::OwnerId.eq(owner.0)).add(video_state::Column::ChannelId.eq(owner.0));
    let videos = video_state::Entity::delete_many().filter(of_owner).exec(db).await?;
    let channels = channel_state::Entity::delete_many().filter(channel_state::Column::OwnerId.eq(owner.0));
    let channels = channels.exec(db).await?.rows_affected;
    let user = user_state::Entity::delete_by_id(owner.0).exec(db).await?.rows_affected;
    Ok(videos.rows_affected + channels + user)
}
