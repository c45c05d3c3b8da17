//! Channels, and the visibility of their videos.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{
    entity::{
        channel::{ActiveModel, Column, Entity},
        video,
    },
    evictions, sequence,
};
use crate::domain::{Channel, Seq};

/// Stores a channel if its version is newer. Takes the next sequence number.
pub async fn upsert_newer_in_txn(
    txn: &impl ConnectionTrait,
    channel: &Channel,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let seq = sequence::next_in_txn(txn).await?;
    let old = Entity::find_by_id(channel.id).one(txn).await?;
    if old.as_ref().is_some_and(|old| old.version >= channel.version) {
        return Ok(());
    }
    let row = ActiveModel {
        channel_id: Set(channel.id),
        owner_id: Set(channel.owner_id),
        name: Set(channel.name.clone()),
        is_hidden: Set(channel.is_hidden),
        is_deleted: Set(channel.is_deleted),
        version: Set(channel.version),
        updated_at: Set(now),
    };
    let replace = OnConflict::column(Column::ChannelId)
        .update_columns([
            Column::OwnerId,
            Column::Name,
            Column::IsHidden,
            Column::IsDeleted,
            Column::Version,
            Column::UpdatedAt,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
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
        .filter(video::Column::ChannelId.eq(channel.id))
        .filter(video::Column::IsPublished.eq(true))
        .filter(video::Column::IsHidden.eq(false))
        .filter(video::Column::IsDeleted.eq(false))
        .exec(txn)
        .await?;
    Ok(())
}

/// The invisible ones of these.
pub(super) async fn find_invisible(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<i64>, DbError> {
    let invisible = Column::IsHidden.eq(true).or(Column::IsDeleted.eq(true));
    let query = Entity::find().select_only().column(Column::ChannelId);
    Ok(query.filter(Column::ChannelId.is_in(ids.iter().copied())).filter(invisible).into_tuple().all(db).await?)
}

/// Id and version of the channels in an id range that exist and were last
/// updated before a time.
pub async fn find_in_range(
    db: &impl ConnectionTrait,
    (after, through): (i64, i64),
    updated_before: DateTime<Utc>,
) -> Result<Vec<(i64, i64)>, DbError> {
    let query = Entity::find().select_only().column(Column::ChannelId).column(Column::Version);
    Ok(query
        .filter(Column::ChannelId.gt(after))
        .filter(Column::ChannelId.lte(through))
        .filter(Column::IsDeleted.eq(false))
        .filter(Column::UpdatedAt.lt(updated_before))
        .order_by_asc(Column::ChannelId)
        .into_tuple()
        .all(db)
        .await?)
}

/// The ids of a user's channels.
pub async fn find_by_owner(db: &impl ConnectionTrait, owner: i64) -> Result<Vec<i64>, DbError> {
    let query = Entity::find().select_only().column(Column::ChannelId);
    Ok(query.filter(Column::OwnerId.eq(owner)).into_tuple().all(db).await?)
}

/// Deletes tombstones from before a time.
pub async fn prune_deleted(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::IsDeleted.eq(true)).filter(Column::UpdatedAt.lt(before)).exec(db).await?;
    Ok(())
}
