//! Notifications: a channel's events, one row for all members, and direct ones.

use chrono::{DateTime, Utc};
use fenz_core::{ChannelId, UserId, VideoId};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, Order, QueryFilter, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement},
};

use super::{
    entity::{channel_event as event, direct_notification as direct},
    latest_events::LatestEvent,
};
use crate::domain::{Kind, KindSet, Notification, Seq, templates::NotificationContent};

// The columns' lengths, in characters.
const TITLE: usize = 300;
const MESSAGE: usize = 1_000;

/// An event of a channel, for its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelEvent {
    pub channel: ChannelId,
    pub video: VideoId,
    pub is_visible: bool,
    pub occurred_at: DateTime<Utc>,
}

/// A channel's event, for open streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelNotification {
    pub channel: ChannelId,
    pub notification: Notification,
}

fn truncate(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

impl From<event::Model> for ChannelNotification {
    fn from(row: event::Model) -> Self {
        let event::Model { seq, id, title, message, payload, created_at, channel_id, .. } = row;
        let kind = Kind::from_number(row.kind).unwrap_or(Kind::NewVideo);
        Self {
            channel: ChannelId(channel_id),
            notification: Notification { seq, id, kind, title, message, payload, created_at },
        }
    }
}

impl From<direct::Model> for Notification {
    fn from(row: direct::Model) -> Self {
        let direct::Model { seq, id, title, message, payload, created_at, .. } = row;
        Self {
            seq,
            id,
            kind: Kind::from_number(row.kind).unwrap_or(Kind::Moderation),
            title,
            message,
            payload,
            created_at,
        }
    }
}

pub fn notification(seq: Seq, id: i64, content: NotificationContent, created_at: DateTime<Utc>) -> Notification {
    let NotificationContent { kind, title, message, payload, .. } = content;
    Notification {
        seq,
        id,
        kind,
        title: truncate(&title, TITLE),
        message: truncate(&message, MESSAGE),
        payload,
        created_at,
    }
}

pub async fn insert_event_in_txn(
    txn: &impl ConnectionTrait,
    event: &ChannelEvent,
    notification: Notification,
) -> Result<(), DbError> {
    let row = event::ActiveModel {
        seq: Set(notification.seq),
        channel_id: Set(event.channel.0),
        video_id: Set(event.video.0),
        is_visible: Set(event.is_visible),
        occurred_at: Set(event.occurred_at),
        id: Set(notification.id),
        kind: Set(notification.kind.number()),
        title: Set(notification.title),
        message: Set(notification.message),
        payload: Set(notification.payload),
        created_at: Set(notification.created_at),
    };
    event::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// `about` as [`NotificationContent::about`].
pub async fn insert_direct_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    about: i64,
    notification: Notification,
) -> Result<(), DbError> {
    let row = direct::ActiveModel {
        seq: Set(notification.seq),
        user_id: Set(user.0),
        about_id: Set((about != 0).then_some(about)),
        id: Set(notification.id),
        kind: Set(notification.kind.number()),
        title: Set(notification.title),
        message: Set(notification.message),
        payload: Set(notification.payload),
        created_at: Set(notification.created_at),
    };
    direct::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// The positions of a user's channel events above a floor on these channels; without
/// those marked as read if `unread`.
fn channel_positions(
    user: UserId,
    latest: &[LatestEvent],
    enabled: KindSet,
    floor: Seq,
    unread: bool,
) -> SelectStatement {
    let mut channels: Vec<i64> = latest.iter().map(|event| event.channel.0).collect();
    channels.sort_unstable();
    channels.dedup();
    let membership = Expr::col(("memberships", "user_id"))
        .eq(user.0)
        .and(Expr::col(("memberships", "channel_id")).equals(("channel_events", "channel_id")));
    let mut query = Query::select();
    query
        .column(("channel_events", "seq"))
        .from("channel_events")
        .join(JoinType::InnerJoin, "memberships", membership)
        .and_where(Expr::col(("channel_events", "channel_id")).is_in(channels))
        .and_where(Expr::col(("channel_events", "seq")).gt(floor))
        .and_where(Expr::col(("channel_events", "seq")).gt(Expr::col(("memberships", "since_seq"))))
        .and_where(Expr::col(("channel_events", "kind")).is_in(enabled.numbers()))
        .and_where(Expr::col(("channel_events", "is_visible")).eq(true));
    if unread {
        query.and_where(Expr::col(("channel_events", "seq")).not_in_subquery(read_marks(user)));
    }
    query
}

fn direct_positions(user: UserId, enabled: KindSet, floor: Seq, unread: bool) -> SelectStatement {
    let mut query = Query::select();
    query
        .column("seq")
        .from("direct_notifications")
        .and_where(Expr::col("user_id").eq(user.0))
        .and_where(Expr::col("seq").gt(floor))
        .and_where(Expr::col("kind").is_in(enabled.numbers()));
    if unread {
        query.and_where(Expr::col("seq").not_in_subquery(read_marks(user)));
    }
    query
}

fn read_marks(user: UserId) -> SelectStatement {
    Query::select().column("seq").from("read_marks").and_where(Expr::col("user_id").eq(user.0)).to_owned()
}

/// Counts up to `limit` and no further.
async fn count(db: &impl ConnectionTrait, mut positions: SelectStatement, limit: u64) -> Result<u64, DbError> {
    positions.limit(limit);
    let query = Query::select()
        .expr_as(Func::count(Expr::col("seq")), Alias::new("n"))
        .from_subquery(positions, Alias::new("positions"))
        .to_owned();
    let row = db.query_one(&query).await?;
    let counted: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    Ok(counted as u64)
}

/// How many notifications a user has above a floor, up to `limit`.
pub async fn count_above(
    db: &impl ConnectionTrait,
    (user, enabled): (UserId, KindSet),
    latest: &[LatestEvent],
    floor: Seq,
    (unread, limit): (bool, u64),
) -> Result<u64, DbError> {
    let mut counted = count(db, direct_positions(user, enabled, floor, unread), limit).await?;
    let above: Vec<LatestEvent> = latest.iter().filter(|event| event.latest > floor).copied().collect();
    if counted < limit && !above.is_empty() {
        counted += count(db, channel_positions(user, &above, enabled, floor, unread), limit - counted).await?;
    }
    Ok(counted)
}

async fn positions(db: &impl ConnectionTrait, query: &SelectStatement) -> Result<Vec<Seq>, DbError> {
    let rows = db.query_all(query).await?;
    Ok(rows.into_iter().map(|row| row.try_get("", "seq")).collect::<Result<_, _>>()?)
}

/// The positions of a user's newest notifications above a floor, newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    (user, enabled): (UserId, KindSet),
    latest: &[LatestEvent],
    floor: Seq,
    limit: u64,
) -> Result<Vec<Seq>, DbError> {
    let direct = direct_positions(user, enabled, floor, false).order_by("seq", Order::Desc).limit(limit).to_owned();
    let mut newest = positions(db, &direct).await?;
    // These are distinct events, newest first: with `limit` of them, nothing older than
    // the last is among the newest.
    let latest = &latest[..latest.partition_point(|event| event.latest > floor).min(limit as usize)];
    if let Some(oldest) = latest.last() {
        let floor = if latest.len() as u64 == limit { Ord::max(floor, oldest.latest - 1) } else { floor };
        let mut query = channel_positions(user, latest, enabled, floor, false);
        // Ordered by an expression, so that no planner scans the whole table along the key.
        query.order_by_expr(Expr::col(("channel_events", "seq")).add(0), Order::Desc).limit(limit);
        newest.extend(positions(db, &query).await?);
    }
    newest.sort_unstable_by_key(|seq| std::cmp::Reverse(*seq));
    newest.truncate(limit as usize);
    Ok(newest)
}

/// The notifications at these positions, newest first.
pub async fn at(db: &impl ConnectionTrait, user: UserId, seqs: &[Seq]) -> Result<Vec<Notification>, DbError> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let events = event::Entity::find().filter(event::Column::Seq.is_in(seqs.iter().copied())).all(db).await?;
    let mut notifications: Vec<Notification> =
        events.into_iter().map(|row| ChannelNotification::from(row).notification).collect();
    if notifications.len() < seqs.len() {
        let direct = direct::Entity::find()
            .filter(direct::Column::Seq.is_in(seqs.iter().copied()))
            .filter(direct::Column::UserId.eq(user.0));
        notifications.extend(direct.all(db).await?.into_iter().map(Notification::from));
    }
    notifications.sort_unstable_by_key(|notification| std::cmp::Reverse(notification.seq));
    Ok(notifications)
}

/// The position of a notification, if it is in the user's list.
pub async fn find(db: &impl ConnectionTrait, user: UserId, id: i64) -> Result<Option<Seq>, DbError> {
    let direct = direct::Entity::find().filter(direct::Column::Id.eq(id)).filter(direct::Column::UserId.eq(user.0));
    if let Some(row) = direct.one(db).await? {
        return Ok(Some(row.seq));
    }
    let membership = Expr::col(("memberships", "user_id"))
        .eq(user.0)
        .and(Expr::col(("memberships", "channel_id")).equals(("channel_events", "channel_id")));
    let hidden = Expr::col(("channels", "channel_id"))
        .equals(("channel_events", "channel_id"))
        .and(Expr::col(("channels", "is_hidden")).eq(true));
    let query = Query::select()
        .column(("channel_events", "seq"))
        .from("channel_events")
        .join(JoinType::InnerJoin, "memberships", membership)
        .join(JoinType::LeftJoin, "channels", hidden)
        .and_where(Expr::col(("channel_events", "id")).eq(id))
        .and_where(Expr::col(("channels", "channel_id")).is_null())
        .and_where(Expr::col(("channel_events", "is_visible")).eq(true))
        .and_where(Expr::col(("memberships", "tier")).gt(0))
        .and_where(Expr::col(("channel_events", "seq")).gt(Expr::col(("memberships", "since_seq"))))
        .to_owned();
    Ok(positions(db, &query).await?.first().copied())
}

/// The position for a membership that began at a time: before the first event of the
/// channel that happened after it, or the last position.
pub async fn position_at(
    db: &impl ConnectionTrait,
    channel: ChannelId,
    at: DateTime<Utc>,
    last: Seq,
) -> Result<Seq, DbError> {
    let first = event::Entity::find()
        .select_only()
        .column_as(event::Column::Seq.min(), "seq")
        .filter(event::Column::ChannelId.eq(channel.0))
        .filter(event::Column::OccurredAt.gt(at))
        .into_tuple::<Option<Seq>>()
        .one(db)
        .await?;
    Ok(first.flatten().map_or(last, |first| first - 1))
}
