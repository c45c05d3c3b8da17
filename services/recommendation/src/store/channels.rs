//! Channels, and what their state means for their videos.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
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

/// Takes a channel in, if this is newer than what is known. Takes the next
/// place in the order of changes.
pub async fn put_in_txn(txn: &impl ConnectionTrait, channel: &Channel, now: DateTime<Utc>) -> Result<(), DbErr> {
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
        is_gone: Set(channel.is_gone),
        version: Set(channel.version),
        updated_at: Set(now),
    };
    let replace = OnConflict::column(Column::ChannelId)
        .update_columns([
            Column::OwnerId,
            Column::Name,
            Column::IsHidden,
            Column::IsGone,
            Column::Version,
            Column::UpdatedAt,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    let (was_visible, was_named) = old.map_or((true, String::new()), |o| (!o.is_hidden && !o.is_gone, o.name));
    if was_visible == channel.is_visible() && was_named == channel.name {
        return Ok(());
    }
    show_videos_in_txn(txn, channel, seq).await
}

async fn show_videos_in_txn(txn: &impl ConnectionTrait, channel: &Channel, seq: Seq) -> Result<(), DbErr> {
    evictions::insert_channel_in_txn(txn, seq, channel.id).await?;
    video::Entity::update_many()
        .col_expr(video::Column::IsVisible, Expr::value(channel.is_visible()))
        .col_expr(video::Column::ChangeSeq, Expr::value(seq))
        .filter(video::Column::ChannelId.eq(channel.id))
        .filter(video::Column::IsPublished.eq(true))
        .filter(video::Column::IsHidden.eq(false))
        .filter(video::Column::IsGone.eq(false))
        .exec(txn)
        .await?;
    Ok(())
}

/// Those of these that may not be seen.
pub(super) async fn invisible_of(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<i64>, DbErr> {
    let invisible = Column::IsHidden.eq(true).or(Column::IsGone.eq(true));
    let query = Entity::find().select_only().column(Column::ChannelId);
    query.filter(Column::ChannelId.is_in(ids.iter().copied())).filter(invisible).into_tuple().all(db).await
}

/// What is in the range, there, and was not changed since a moment: id and
/// version.
pub async fn between(
    db: &impl ConnectionTrait,
    (after, up_to): (i64, i64),
    not_since: DateTime<Utc>,
) -> Result<Vec<(i64, i64)>, DbErr> {
    let query = Entity::find().select_only().column(Column::ChannelId).column(Column::Version);
    query
        .filter(Column::ChannelId.gt(after))
        .filter(Column::ChannelId.lte(up_to))
        .filter(Column::IsGone.eq(false))
        .filter(Column::UpdatedAt.lt(not_since))
        .order_by_asc(Column::ChannelId)
        .into_tuple()
        .all(db)
        .await
}

/// A user's channels that are there, with their versions.
pub async fn of_owner(db: &impl ConnectionTrait, owner: i64) -> Result<Vec<(i64, i64)>, DbErr> {
    let query = Entity::find().select_only().column(Column::ChannelId).column(Column::Version);
    query.filter(Column::OwnerId.eq(owner)).into_tuple().all(db).await
}

/// Drops what is left of channels that went before.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::IsGone.eq(true)).filter(Column::UpdatedAt.lt(before)).exec(db).await?;
    Ok(())
}
