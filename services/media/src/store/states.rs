//! What other services have told of videos and channels: the newest by its
//! version, whatever the order in which it comes.

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use fenz_contract::events::v1::{VideoChanged, VideoDeleted};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::entity::{channel_state, upload, video_state};
use crate::domain::{
    standing::{ChannelState, Standing, VideoState, video_of_claim},
    upload::UploadId,
};

/// Keeps what a video is like, unless newer is known. Deleted is for good.
pub async fn video_changed_in_txn(
    txn: &impl ConnectionTrait,
    told: &VideoChanged,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use video_state::{Column, Entity};
    video_row_in_txn(txn, told.video_id, now).await?;
    Entity::update_many()
        .col_expr(Column::ChannelId, Expr::value(told.channel_id))
        .col_expr(Column::OwnerId, Expr::value(told.owner_id))
        .col_expr(Column::IsPublished, Expr::value(told.is_published))
        .col_expr(Column::IsHidden, Expr::value(told.is_hidden))
        .col_expr(Column::Version, Expr::value(told.version))
        .col_expr(Column::HeardAt, Expr::value(now))
        .filter(Column::VideoId.eq(told.video_id))
        .filter(Column::Version.lt(told.version))
        .filter(Column::IsDeleted.eq(false))
        .exec(txn)
        .await?;
    Ok(())
}

/// Keeps that a video is deleted, also where nothing was known of it.
pub async fn video_deleted_in_txn(
    txn: &impl ConnectionTrait,
    told: &VideoDeleted,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use video_state::{Column, Entity};
    video_row_in_txn(txn, told.video_id, now).await?;
    Entity::update_many()
        .col_expr(Column::ChannelId, Expr::value(told.channel_id))
        .col_expr(Column::IsDeleted, Expr::value(true))
        .col_expr(Column::HeardAt, Expr::value(now))
        .filter(Column::VideoId.eq(told.video_id))
        .exec(txn)
        .await?;
    Ok(())
}

/// What an upsert did cannot be told on every database: first a row that
/// anything is newer than.
async fn video_row_in_txn(txn: &impl ConnectionTrait, video_id: i64, now: DateTime<Utc>) -> Result<(), DbErr> {
    use video_state::{ActiveModel, Column, Entity};
    let oldest = ActiveModel {
        video_id: Set(video_id),
        channel_id: Set(0),
        owner_id: Set(0),
        is_published: Set(true),
        is_hidden: Set(false),
        is_deleted: Set(false),
        version: Set(i64::MIN),
        heard_at: Set(now),
    };
    let exists = OnConflict::column(Column::VideoId).update_column(Column::VideoId).to_owned();
    Entity::insert(oldest).on_conflict(exists).exec_without_returning(txn).await?;
    Ok(())
}

/// Keeps how a channel stands, unless newer is known. One that was deleted may
/// come back.
pub async fn channel_in_txn(
    txn: &impl ConnectionTrait,
    channel_id: i64,
    owner: UserId,
    state: ChannelState,
    version: i64,
) -> Result<(), DbErr> {
    use channel_state::{ActiveModel, Column, Entity};
    let oldest = ActiveModel {
        channel_id: Set(channel_id),
        owner_id: Set(owner.0),
        is_hidden: Set(false),
        is_deleted: Set(false),
        version: Set(i64::MIN),
    };
    let exists = OnConflict::column(Column::ChannelId).update_column(Column::ChannelId).to_owned();
    Entity::insert(oldest).on_conflict(exists).exec_without_returning(txn).await?;
    Entity::update_many()
        .col_expr(Column::IsHidden, Expr::value(state.is_hidden))
        .col_expr(Column::IsDeleted, Expr::value(state.is_deleted))
        .col_expr(Column::Version, Expr::value(version))
        .filter(Column::ChannelId.eq(channel_id))
        .filter(Column::Version.lt(version))
        .exec(txn)
        .await?;
    Ok(())
}

/// How an upload stands with players; none when it is not there.
pub async fn standing(db: &impl ConnectionTrait, id: UploadId) -> Result<Option<Standing>, DbErr> {
    let stored = upload::Entity::find_by_id(id.0).filter(upload::Column::State.eq(upload::State::Stored));
    let claim = stored.select_only().column(upload::Column::Claim).into_tuple::<Option<String>>().one(db).await?;
    let Some(claim) = claim else { return Ok(None) };
    let Some(video_id) = claim.as_deref().and_then(video_of_claim) else { return Ok(Some(Standing::Open)) };
    let Some(video) = video_state::Entity::find_by_id(video_id).one(db).await? else {
        return Ok(Some(Standing::Open));
    };
    let channel = channel_state::Entity::find_by_id(video.channel_id).one(db).await?;
    let video =
        VideoState { is_published: video.is_published, is_hidden: video.is_hidden, is_deleted: video.is_deleted };
    let channel = channel.map(|row| ChannelState { is_hidden: row.is_hidden, is_deleted: row.is_deleted });
    Ok(Some(Standing::of(Some(video), channel)))
}

/// Whether a user's channel is known to be deleted, and no other of theirs is
/// there.
pub async fn has_lost_channel(db: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbErr> {
    let of_owner = channel_state::Entity::find().filter(channel_state::Column::OwnerId.eq(owner.0)).all(db).await?;
    Ok(!of_owner.is_empty() && of_owner.iter().all(|channel| channel.is_deleted))
}

/// Forgets videos that were deleted before; no event about them can come any
/// more.
pub async fn forget_deleted(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    use video_state::{Column, Entity};
    Entity::delete_many().filter(Column::IsDeleted.eq(true)).filter(Column::HeardAt.lt(before)).exec(db).await?;
    Ok(())
}

/// Forgets what is known of a user's channel and videos. A channel has its
/// owner's id, and of a deleted video the owner may not be known.
pub async fn forget_of(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    let theirs =
        Condition::any().add(video_state::Column::OwnerId.eq(owner.0)).add(video_state::Column::ChannelId.eq(owner.0));
    let videos = video_state::Entity::delete_many().filter(theirs).exec(db).await?;
    let channels = channel_state::Entity::delete_many().filter(channel_state::Column::OwnerId.eq(owner.0));
    Ok(videos.rows_affected + channels.exec(db).await?.rows_affected)
}
