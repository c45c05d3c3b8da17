//! The newest event per channel and kind, so that counts and pages read only the events
//! of channels that have new ones.

use fenz_core::{ChannelId, UserId};
use fenz_database::{DbError, upsert};
use std::hash::{DefaultHasher, Hash, Hasher};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryResult, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::entity::{
    channel_event as event,
    latest_event::{ActiveModel, Column, Entity},
};
use crate::domain::{KindSet, Seq};

/// The newest event of a kind on a channel that a user is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LatestEvent {
    pub channel: ChannelId,
    pub latest: Seq,
    /// The position at which one of these events was last added, changed or removed.
    pub changed: Seq,
    /// The user receives events after this position.
    pub since: Seq,
}

/// Of a user's list: enabled kinds on unmuted, visible channels, with at least one
/// event since the user joined.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId, enabled: KindSet) -> Result<Vec<LatestEvent>, DbError> {
    let same_channel = |table: &'static str| Expr::col((table, "channel_id")).equals(("memberships", "channel_id"));
    let muted = Expr::col(("mutes", "user_id")).equals(("memberships", "user_id")).and(same_channel("mutes"));
    let hidden = same_channel("channels").and(Expr::col(("channels", "is_hidden")).eq(true));
    let query = Query::select()
        .columns([("latest_events", "channel_id"), ("latest_events", "latest"), ("latest_events", "changed")])
        .column(("memberships", "since_seq"))
        .from("memberships")
        .join(JoinType::InnerJoin, "latest_events", same_channel("latest_events"))
        .join(JoinType::LeftJoin, "mutes", muted)
        .join(JoinType::LeftJoin, "channels", hidden)
        .and_where(Expr::col(("memberships", "user_id")).eq(user.0))
        .and_where(Expr::col(("memberships", "tier")).gt(0))
        .and_where(Expr::col(("mutes", "user_id")).is_null())
        .and_where(Expr::col(("channels", "channel_id")).is_null())
        .and_where(Expr::col(("latest_events", "kind")).is_in(enabled.numbers()))
        .and_where(Expr::col(("latest_events", "latest")).gt(Expr::col(("memberships", "since_seq"))))
        .to_owned();
    let latest = |row: QueryResult| {
        Ok(LatestEvent {
            channel: ChannelId(row.try_get("", "channel_id")?),
            latest: row.try_get("", "latest")?,
            changed: row.try_get("", "changed")?,
            since: row.try_get("", "since_seq")?,
        })
    };
    let mut latest_events = db.query_all(&query).await?.into_iter().map(latest).collect::<Result<Vec<_>, DbError>>()?;
    // Newest first; a stable order, for the fingerprint.
    latest_events.sort_unstable_by_key(|event| std::cmp::Reverse((event.latest, event.channel)));
    Ok(latest_events)
}

/// Equal as long as none of them has changed.
pub fn fingerprint(latest_events: &[LatestEvent]) -> u64 {
    let mut hasher = DefaultHasher::new();
    latest_events.hash(&mut hasher);
    hasher.finish()
}

/// Sets a new event as the newest.
pub async fn advance_in_txn(
    txn: &impl ConnectionTrait,
    channel: ChannelId,
    kind: i32,
    seq: Seq,
) -> Result<(), DbError> {
    upsert_in_txn(txn, (channel, kind), seq, seq).await
}

/// Queries the newest event again after some have changed.
pub async fn recompute_in_txn(
    txn: &impl ConnectionTrait,
    channel: ChannelId,
    kind: i32,
    seq: Seq,
) -> Result<(), DbError> {
    let latest = event::Entity::find()
        .select_only()
        .column_as(event::Column::Seq.max(), "latest")
        .filter(event::Column::ChannelId.eq(channel.0))
        .filter(event::Column::Kind.eq(kind))
        .filter(event::Column::IsVisible.eq(true))
        .into_tuple::<Option<Seq>>()
        .one(txn)
        .await?;
    if let Some(latest) = latest.flatten() {
        return upsert_in_txn(txn, (channel, kind), latest, seq).await;
    }
    Entity::delete_many().filter(Column::ChannelId.eq(channel.0)).filter(Column::Kind.eq(kind)).exec(txn).await?;
    Ok(())
}

/// As `recompute_in_txn`, for every kind.
pub async fn recompute_channel_in_txn(txn: &impl ConnectionTrait, channel: ChannelId, seq: Seq) -> Result<(), DbError> {
    let kinds: Vec<i32> = Entity::find()
        .select_only()
        .column(Column::Kind)
        .filter(Column::ChannelId.eq(channel.0))
        .into_tuple()
        .all(txn)
        .await?;
    for kind in kinds {
        recompute_in_txn(txn, channel, kind, seq).await?;
    }
    Ok(())
}

async fn upsert_in_txn(
    txn: &impl ConnectionTrait,
    key: (ChannelId, i32),
    latest: Seq,
    changed: Seq,
) -> Result<(), DbError> {
    let row = ActiveModel { channel_id: Set(key.0.0), kind: Set(key.1), latest: Set(latest), changed: Set(changed) };
    upsert(txn, [row]).await
}

/// Deletes the rows of channels whose events were all pruned.
pub async fn prune(db: &impl ConnectionTrait, up_to: Seq) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::Latest.lte(up_to)).exec(db).await?;
    Ok(())
}
