//! Memberships, projected from the channel service's events, and mutes.

use chrono::{DateTime, Utc};
use fenz_core::{ChannelId, Tier, UserId};
use fenz_database::{DbError, insert_absent, upsert};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::entity::{
    membership::{ActiveModel, Entity, Model},
    mute,
};
use crate::domain::Seq;

/// A membership, also one that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    pub user: UserId,
    pub channel: ChannelId,
    pub tier: Tier,
    /// The member receives events after this position.
    pub since: Seq,
    pub version: i64,
    /// When it last changed; None in rows from before this was stored.
    pub changed_at: Option<DateTime<Utc>>,
}

impl From<Model> for Membership {
    fn from(row: Model) -> Self {
        let Model { user_id, channel_id, tier, since_seq: since, version, changed_at } = row;
        let (user, channel, tier) = (UserId(user_id), ChannelId(channel_id), Tier::from_number(tier));
        Self { user, channel, tier, since, version, changed_at }
    }
}

pub async fn lock_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    channel: ChannelId,
) -> Result<Option<Membership>, DbError> {
    Ok(Entity::find_by_id((user.0, channel.0)).lock_exclusive().one(txn).await?.map(Into::into))
}

pub async fn upsert_in_txn(txn: &impl ConnectionTrait, membership: Membership) -> Result<(), DbError> {
    let row = ActiveModel {
        user_id: Set(membership.user.0),
        channel_id: Set(membership.channel.0),
        tier: Set(membership.tier.number()),
        since_seq: Set(membership.since),
        version: Set(membership.version),
        changed_at: Set(membership.changed_at),
    };
    upsert(txn, [row]).await
}

/// The unmuted channels of these users: `(user, channel, since)`.
pub async fn subscribed(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<(UserId, ChannelId, Seq)>, DbError> {
    let muted = Expr::col(("mutes", "user_id"))
        .equals(("memberships", "user_id"))
        .and(Expr::col(("mutes", "channel_id")).equals(("memberships", "channel_id")));
    let query = Query::select()
        .columns([("memberships", "user_id"), ("memberships", "channel_id"), ("memberships", "since_seq")])
        .from("memberships")
        .join(JoinType::LeftJoin, "mutes", muted)
        .and_where(Expr::col(("memberships", "user_id")).is_in(users.iter().map(|user| user.0)))
        .and_where(Expr::col(("memberships", "tier")).gt(0))
        .and_where(Expr::col(("mutes", "user_id")).is_null())
        .to_owned();
    let rows = db.query_all(&query).await?;
    let triple = |row: sea_orm::QueryResult| {
        let (user, channel) = (row.try_get("", "user_id")?, row.try_get("", "channel_id")?);
        Ok((UserId(user), ChannelId(channel), row.try_get("", "since_seq")?))
    };
    rows.into_iter().map(triple).collect()
}

/// Idempotent.
pub async fn mute_in_txn(txn: &impl ConnectionTrait, user: UserId, channel: ChannelId) -> Result<(), DbError> {
    insert_absent(txn, [mute::ActiveModel { user_id: Set(user.0), channel_id: Set(channel.0) }]).await
}

pub async fn unmute_in_txn(txn: &impl ConnectionTrait, user: UserId, channel: ChannelId) -> Result<(), DbError> {
    mute::Entity::delete_many()
        .filter(mute::Column::UserId.eq(user.0))
        .filter(mute::Column::ChannelId.eq(channel.0))
        .exec(txn)
        .await?;
    Ok(())
}
