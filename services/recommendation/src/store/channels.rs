//! Channels, and the visibility of their videos.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, upsert_newer};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{
    entity::{
        channel::{ActiveModel, Column, Entity},
        video,
    },
    evictions, sequence,
};
use crate::domain::{Channel, ChannelId, Seq};

/// Stores a channel if its version is newer. Takes the next sequence number.
pub async fn upsert_newer_in_txn(
    txn: &impl ConnectionTrait,
    channel: &Channel,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let seq = sequence::next_in_txn(txn).await?;
    let old = Entity::find_by_id(channel.id.0).one(txn).await?;
    if old.as_ref().is_some_and(|old| old.version >= channel.version) {
        return Ok(());
    }
    let row = ActiveModel {
        channel_id: Set(channel.id.0),
        owner_id: Set(channel.owner_id.0),
        name: Set(channel.name.clone()),
        is_hidden: Set(channel.is_hidden),
        is_deleted: Set(channel.is_deleted),
        version: Set(channel.version),
        updated_at: Set(now),
    };
    upsert_newer(txn, row, Column::Version).await?;
    let (was_visible, was_named) = old.map_or((true, String::new()), |o| (!o.is_hidden && !o.is_deleted, o.name));
    if was_visible == channel.is_visible() && was_named == channel.name {
        return Ok(());
    }
    update_videos_in_txn(txn, channel, seq).await
}

async fn update_videos_in_txn(txn: &impl ConnectionTrait, channel: &Channel, seq: Seq) -> Result<(), DbError> {
    evictions::insert_channel_in_txn(txn, seq, channel.id).await?;
    video::Entity::update_many()
        .col_expr(video::Column::IsVisible, Expr::value(channel.is_visible()))
        .col_expr(video::Column::ChangeSeq, Expr::value(seq))
        .filter(video::Column::ChannelId.eq(channel.id.0))
        .filter(video::Column::IsPublished.eq(true))
        .filter(video::Column::IsHidden.eq(false))
        .filter(video::Column::IsDeleted.eq(false))
        .exec(txn)
        .await?;
    Ok(())
}

/// The invisible ones of these.
pub(super) async fn find_invisible(db: &impl ConnectionTrait, ids: &[ChannelId]) -> Result<Vec<ChannelId>, DbError> {
    let invisible = Column::IsHidden.eq(true).or(Column::IsDeleted.eq(true));
    let query = Entity::find().select_only().column(Column::ChannelId);
    let query = query.filter(Column::ChannelId.is_in(ids.iter().map(|id| id.0))).filter(invisible);
    Ok(query.into_tuple().all(db).await?.into_iter().map(ChannelId).collect())
}

/// Id and version of the channels in an id range that exist and were last
/// updated before a time.
pub async fn find_in_range(
    db: &impl ConnectionTrait,
    (after, through): (i64, i64),
    updated_before: DateTime<Utc>,
) -> Result<Vec<(ChannelId, i64)>, DbError> {
    let query = Entity::find().select_only().column(Column::ChannelId).column(Column::Version);
    let rows: Vec<(i64, i64)> = query
        .filter(Column::ChannelId.gt(after))
        .filter(Column::ChannelId.lte(through))
        .filter(Column::IsDeleted.eq(false))
        .filter(Column::UpdatedAt.lt(updated_before))
        .order_by_asc(Column::ChannelId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, version)| (ChannelId(id), version)).collect())
}

/// The ids of a user's channels.
pub async fn find_by_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<Vec<ChannelId>, DbError> {
    let query = Entity::find().select_only().column(Column::ChannelId);
    let ids = query.filter(Column::OwnerId.eq(owner.0)).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(ChannelId).collect())
}

/// Deletes tombstones from before a time.
pub async fn prune_deleted(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::IsDeleted.eq(true)).filter(Column::UpdatedAt.lt(before)).exec(db).await?;
    Ok(())
}
