//! The notices themselves: a channel's, one row for all members, and those of
//! one user.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, Order, QueryFilter, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement},
};

use super::{
    entity::{channel_event as event, direct_notice as direct},
    heads::Head,
};
use crate::domain::{Kind, Kinds, Notice, Seq, wording::Wording};

// As wide as the columns, in characters.
const TITLE: usize = 300;
const MESSAGE: usize = 1_000;

/// An event of a channel, for its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelEvent {
    pub channel: i64,
    pub video: i64,
    pub is_visible: bool,
    pub occurred_at: DateTime<Utc>,
}

/// A notice with the channel it belongs to, as streams are fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfChannel {
    pub channel: i64,
    pub notice: Notice,
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

impl From<event::Model> for OfChannel {
    fn from(row: event::Model) -> Self {
        let event::Model { seq, id, title, message, payload, created_at, channel_id: channel, .. } = row;
        let kind = Kind::of(row.kind).unwrap_or(Kind::NewVideo);
        Self { channel, notice: Notice { seq, id, kind, title, message, payload, created_at } }
    }
}

impl From<direct::Model> for Notice {
    fn from(row: direct::Model) -> Self {
        let direct::Model { seq, id, title, message, payload, created_at, .. } = row;
        Self { seq, id, kind: Kind::of(row.kind).unwrap_or(Kind::Moderation), title, message, payload, created_at }
    }
}

/// A notice with its place, its id and the time it was taken in.
pub fn notice(seq: Seq, id: i64, wording: Wording, created_at: DateTime<Utc>) -> Notice {
    let Wording { kind, title, message, payload, .. } = wording;
    Notice { seq, id, kind, title: cut(&title, TITLE), message: cut(&message, MESSAGE), payload, created_at }
}

pub async fn insert_event_in_txn(txn: &impl ConnectionTrait, of: &ChannelEvent, notice: Notice) -> Result<(), DbErr> {
    let row = event::ActiveModel {
        seq: Set(notice.seq),
        channel_id: Set(of.channel),
        video_id: Set(of.video),
        is_visible: Set(of.is_visible),
        occurred_at: Set(of.occurred_at),
        id: Set(notice.id),
        kind: Set(notice.kind.number()),
        title: Set(notice.title),
        message: Set(notice.message),
        payload: Set(notice.payload),
        created_at: Set(notice.created_at),
    };
    event::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// `about` as [`Wording::about`].
pub async fn insert_direct_in_txn(
    txn: &impl ConnectionTrait,
    user: i64,
    about: i64,
    notice: Notice,
) -> Result<(), DbErr> {
    let row = direct::ActiveModel {
        seq: Set(notice.seq),
        user_id: Set(user),
        about_id: Set((about != 0).then_some(about)),
        id: Set(notice.id),
        kind: Set(notice.kind.number()),
        title: Set(notice.title),
        message: Set(notice.message),
        payload: Set(notice.payload),
        created_at: Set(notice.created_at),
    };
    direct::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// The places of a user's channel events above a floor on the channels of these
/// heads; without those read one by one if `unread`.
fn of_channels(user: i64, heads: &[Head], wanted: Kinds, floor: Seq, unread: bool) -> SelectStatement {
    let mut channels: Vec<i64> = heads.iter().map(|head| head.channel).collect();
    channels.sort_unstable();
    channels.dedup();
    let membership = Expr::col(("memberships", "user_id"))
        .eq(user)
        .and(Expr::col(("memberships", "channel_id")).equals(("channel_events", "channel_id")));
    let mut query = Query::select();
    query
        .column(("channel_events", "seq"))
        .from("channel_events")
        .join(JoinType::InnerJoin, "memberships", membership)
        .and_where(Expr::col(("channel_events", "channel_id")).is_in(channels))
        .and_where(Expr::col(("channel_events", "seq")).gt(floor))
        .and_where(Expr::col(("channel_events", "seq")).gt(Expr::col(("memberships", "since_seq"))))
        .and_where(Expr::col(("channel_events", "kind")).is_in(wanted.numbers()))
        .and_where(Expr::col(("channel_events", "is_visible")).eq(true));
    if unread {
        query.and_where(Expr::col(("channel_events", "seq")).not_in_subquery(reads(user)));
    }
    query
}

fn of_user(user: i64, wanted: Kinds, floor: Seq, unread: bool) -> SelectStatement {
    let mut query = Query::select();
    query
        .column("seq")
        .from("direct_notices")
        .and_where(Expr::col("user_id").eq(user))
        .and_where(Expr::col("seq").gt(floor))
        .and_where(Expr::col("kind").is_in(wanted.numbers()));
    if unread {
        query.and_where(Expr::col("seq").not_in_subquery(reads(user)));
    }
    query
}

fn reads(user: i64) -> SelectStatement {
    Query::select().column("seq").from("read_marks").and_where(Expr::col("user_id").eq(user)).to_owned()
}

/// Counts up to `most` and no further.
async fn count(db: &impl ConnectionTrait, mut places: SelectStatement, most: u64) -> Result<u64, DbErr> {
    places.limit(most);
    let query = Query::select()
        .expr_as(Func::count(Expr::col("seq")), Alias::new("n"))
        .from_subquery(places, Alias::new("places"))
        .to_owned();
    let row = db.query_one(&query).await?;
    let counted: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    Ok(counted as u64)
}

/// How many notices a user has above a floor, up to `most`.
pub async fn count_above(
    db: &impl ConnectionTrait,
    (user, wanted): (i64, Kinds),
    heads: &[Head],
    floor: Seq,
    (unread, most): (bool, u64),
) -> Result<u64, DbErr> {
    let mut counted = count(db, of_user(user, wanted, floor, unread), most).await?;
    let moved: Vec<Head> = heads.iter().filter(|head| head.latest > floor).copied().collect();
    if counted < most && !moved.is_empty() {
        counted += count(db, of_channels(user, &moved, wanted, floor, unread), most - counted).await?;
    }
    Ok(counted)
}

async fn places(db: &impl ConnectionTrait, query: &SelectStatement) -> Result<Vec<Seq>, DbErr> {
    let rows = db.query_all(query).await?;
    rows.into_iter().map(|row| row.try_get("", "seq")).collect()
}

/// The places of a user's newest notices above a floor, the newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    (user, wanted): (i64, Kinds),
    heads: &[Head],
    floor: Seq,
    most: u64,
) -> Result<Vec<Seq>, DbErr> {
    let direct = of_user(user, wanted, floor, false).order_by("seq", Order::Desc).limit(most).to_owned();
    let mut newest = places(db, &direct).await?;
    // The heads are the newest first and each stands for an event of its own, so
    // what is older than the last of as many heads as are wanted is not among
    // the newest.
    let heads = &heads[..heads.partition_point(|head| head.latest > floor).min(most as usize)];
    if let Some(oldest) = heads.last() {
        let floor = if heads.len() as u64 == most { Ord::max(floor, oldest.latest - 1) } else { floor };
        let mut query = of_channels(user, heads, wanted, floor, false);
        // Of an expression, so that no planner walks the whole table in its order.
        query.order_by_expr(Expr::col(("channel_events", "seq")).add(0), Order::Desc).limit(most);
        newest.extend(places(db, &query).await?);
    }
    newest.sort_unstable_by_key(|seq| std::cmp::Reverse(*seq));
    newest.truncate(most as usize);
    Ok(newest)
}

/// Notices at these places, the newest first.
pub async fn at(db: &impl ConnectionTrait, user: i64, seqs: &[Seq]) -> Result<Vec<Notice>, DbErr> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let events = event::Entity::find().filter(event::Column::Seq.is_in(seqs.iter().copied())).all(db).await?;
    let mut notices: Vec<Notice> = events.into_iter().map(|row| OfChannel::from(row).notice).collect();
    if notices.len() < seqs.len() {
        let own = direct::Entity::find()
            .filter(direct::Column::Seq.is_in(seqs.iter().copied()))
            .filter(direct::Column::UserId.eq(user));
        notices.extend(own.all(db).await?.into_iter().map(Notice::from));
    }
    notices.sort_unstable_by_key(|notice| std::cmp::Reverse(notice.seq));
    Ok(notices)
}

/// The place of a notice that a user has.
pub async fn find(db: &impl ConnectionTrait, user: i64, id: i64) -> Result<Option<Seq>, DbErr> {
    let own = direct::Entity::find().filter(direct::Column::Id.eq(id)).filter(direct::Column::UserId.eq(user));
    if let Some(own) = own.one(db).await? {
        return Ok(Some(own.seq));
    }
    let membership = Expr::col(("memberships", "user_id"))
        .eq(user)
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
    Ok(places(db, &query).await?.first().copied())
}

/// Where a membership that began at a moment begins in the order: before the
/// first event of the channel that happened after it.
pub async fn place_of(db: &impl ConnectionTrait, channel: i64, moment: DateTime<Utc>, last: Seq) -> Result<Seq, DbErr> {
    let first = event::Entity::find()
        .select_only()
        .column_as(event::Column::Seq.min(), "seq")
        .filter(event::Column::ChannelId.eq(channel))
        .filter(event::Column::OccurredAt.gt(moment))
        .into_tuple::<Option<Seq>>()
        .one(db)
        .await?;
    Ok(first.flatten().map_or(last, |first| first - 1))
}
