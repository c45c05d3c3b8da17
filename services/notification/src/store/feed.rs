//! Ranges of the feed by position, and changes to a video's events.

use fenz_core::{ChannelId, UserId, VideoId};
use fenz_database::DbError;
use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{
    entity::{channel, channel_event as event, direct_notification as direct},
    notifications::ChannelNotification,
};
use crate::domain::{Notification, Seq};

/// Visible events between two positions, in order; of these channels, or of all.
pub async fn channel_events(
    db: &impl ConnectionTrait,
    channels: Option<&[ChannelId]>,
    after: Seq,
    up_to: Seq,
) -> Result<Vec<ChannelNotification>, DbError> {
    let mut query = event::Entity::find()
        .filter(event::Column::Seq.gt(after))
        .filter(event::Column::Seq.lte(up_to))
        .filter(event::Column::IsVisible.eq(true))
        .order_by_asc(event::Column::Seq);
    if let Some(channels) = channels {
        query = query.filter(event::Column::ChannelId.is_in(channels.iter().map(|id| id.0)));
    }
    let rows = query.all(db).await?;
    let mut events: Vec<ChannelNotification> = rows.into_iter().map(ChannelNotification::from).collect();
    let hidden = hidden_among(db, events.iter().map(|event| event.channel)).await?;
    events.retain(|event| !hidden.contains(&event.channel));
    Ok(events)
}

async fn hidden_among(
    db: &impl ConnectionTrait,
    channels: impl ExactSizeIterator<Item = ChannelId>,
) -> Result<HashSet<ChannelId>, DbError> {
    if channels.len() == 0 {
        return Ok(HashSet::new());
    }
    let hidden = channel::Entity::find()
        .select_only()
        .column(channel::Column::ChannelId)
        .filter(channel::Column::ChannelId.is_in(channels.map(|id| id.0)))
        .filter(channel::Column::IsHidden.eq(true));
    Ok(hidden.into_tuple::<i64>().all(db).await?.into_iter().map(ChannelId).collect())
}

/// Direct notifications between two positions, in order: `(user, notification)`.
pub async fn direct(db: &impl ConnectionTrait, after: Seq, up_to: Seq) -> Result<Vec<(UserId, Notification)>, DbError> {
    let query = direct::Entity::find()
        .filter(direct::Column::Seq.gt(after))
        .filter(direct::Column::Seq.lte(up_to))
        .order_by_asc(direct::Column::Seq);
    Ok(query.all(db).await?.into_iter().map(|row| (UserId(row.user_id), Notification::from(row))).collect())
}

/// The `(channel, kind)` pairs of a video's events.
pub async fn channels_and_kinds_of_video(
    db: &impl ConnectionTrait,
    video: VideoId,
) -> Result<Vec<(ChannelId, i32)>, DbError> {
    let rows: Vec<(i64, i32)> = event::Entity::find()
        .select_only()
        .columns([event::Column::ChannelId, event::Column::Kind])
        .filter(event::Column::VideoId.eq(video.0))
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(channel, kind)| (ChannelId(channel), kind)).collect())
}

/// Whether an event of a kind about a video happened between two times.
pub async fn has_event_between(
    db: &impl ConnectionTrait,
    (video, kind): (VideoId, i32),
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, DbError> {
    let events = event::Entity::find()
        .filter(event::Column::VideoId.eq(video.0))
        .filter(event::Column::Kind.eq(kind))
        .filter(event::Column::OccurredAt.gt(from))
        .filter(event::Column::OccurredAt.lt(to));
    Ok(events.count(db).await? > 0)
}

pub async fn set_video_visible_in_txn(
    txn: &impl ConnectionTrait,
    video: VideoId,
    is_visible: bool,
) -> Result<(), DbError> {
    event::Entity::update_many()
        .col_expr(event::Column::IsVisible, Expr::value(is_visible))
        .filter(event::Column::VideoId.eq(video.0))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn delete_video_in_txn(txn: &impl ConnectionTrait, video: VideoId) -> Result<(), DbError> {
    event::Entity::delete_many().filter(event::Column::VideoId.eq(video.0)).exec(txn).await?;
    Ok(())
}

/// Rows deleted per statement.
const BATCH: u64 = 1_000;

/// Deletes a batch of rows created before a time; up to which position, and whether
/// there may be more.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(Seq, bool), DbError> {
    // Along the primary key: creation times grow with the positions.
    let events: Vec<(Seq, DateTime<Utc>)> = event::Entity::find()
        .select_only()
        .columns([event::Column::Seq, event::Column::CreatedAt])
        .order_by_asc(event::Column::Seq)
        .limit(BATCH)
        .into_tuple()
        .all(db)
        .await?;
    let direct: Vec<(Seq, DateTime<Utc>)> = direct::Entity::find()
        .select_only()
        .columns([direct::Column::Seq, direct::Column::CreatedAt])
        .order_by_asc(direct::Column::Seq)
        .limit(BATCH)
        .into_tuple()
        .all(db)
        .await?;
    let old = |rows: &[(Seq, DateTime<Utc>)]| rows.iter().take_while(|(_, at)| *at < before).last().map(|row| row.0);
    let (last_event, last_direct) = (old(&events), old(&direct));
    if let Some(seq) = last_event {
        event::Entity::delete_many().filter(event::Column::Seq.lte(seq)).exec(db).await?;
    }
    if let Some(seq) = last_direct {
        direct::Entity::delete_many().filter(direct::Column::Seq.lte(seq)).exec(db).await?;
    }
    let all = |rows: &[(Seq, _)], last: Option<Seq>| rows.len() as u64 == BATCH && rows.last().map(|r| r.0) == last;
    let more = all(&events, last_event) || all(&direct, last_direct);
    Ok((last_event.max(last_direct).unwrap_or(0), more))
}
