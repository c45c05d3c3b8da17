//! Memberships, projected from the channel service's events, and mutes.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use super::entity::{
    membership::{ActiveModel, Column, Entity, Model},
    mute,
};
use crate::domain::Seq;

/// A membership, also one that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    pub user: i64,
    pub channel: i64,
    /// 0 none, 1 subscriber, 2 premium.
    pub tier: i32,
    /// The member receives events after this position.
    pub since: Seq,
    pub version: i64,
    /// When it last changed; None in rows from before this was stored.
    pub changed_at: Option<DateTime<Utc>>,
}

impl From<Model> for Membership {
    fn from(row: Model) -> Self {
        let Model { user_id: user, channel_id: channel, tier, since_seq: since, version, changed_at } = row;
        Self { user, channel, tier, since, version, changed_at }
    }
}

pub async fn lock_in_txn(txn: &impl ConnectionTrait, user: i64, channel: i64) -> Result<Option<Membership>, DbError> {
    Ok(Entity::find_by_id((user, channel)).lock_exclusive().one(txn).await?.map(Into::into))
}

pub async fn upsert_in_txn(txn: &impl ConnectionTrait, membership: Membership) -> Result<(), DbError> {
    let row = ActiveModel {
        user_id: Set(membership.user),
        channel_id: Set(membership.channel),
        tier: Set(membership.tier),
        since_seq: Set(membership.since),
        version: Set(membership.version),
        changed_at: Set(membership.changed_at),
    };
    let replace = OnConflict::columns([Column::UserId, Column::ChannelId])
        .update_columns([Column::Tier, Column::SinceSeq, Column::Version, Column::ChangedAt])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    Ok(())
}

/// The unmuted channels of these users: `(user, channel, since)`.
pub async fn subscribed(db: &impl ConnectionTrait, users: &[i64]) -> Result<Vec<(i64, i64, Seq)>, DbError> {
    let muted = Expr::col(("mutes", "user_id"))
        .equals(("memberships", "user_id"))
        .and(Expr::col(("mutes", "channel_id")).equals(("memberships", "channel_id")));
    let query = Query::select()
        .columns([("memberships", "user_id"), ("memberships", "channel_id"), ("memberships", "since_seq")])
        .from("memberships")
        .join(JoinType::LeftJoin, "mutes", muted)
        .and_where(Expr::col(("memberships", "user_id")).is_in(users.iter().copied()))
        .and_where(Expr::col(("memberships", "tier")).gt(0))
        .and_where(Expr::col(("mutes", "user_id")).is_null())
        .to_owned();
    let rows = db.query_all(&query).await?;
    let triple = |row: sea_orm::QueryResult| {
        Ok((row.try_get("", "user_id")?, row.try_get("", "channel_id")?, row.try_get("", "since_seq")?))
    };
    rows.into_iter().map(triple).collect()
}

/// Idempotent.
pub async fn mute_in_txn(txn: &impl ConnectionTrait, user: i64, channel: i64) -> Result<(), DbError> {
    let row = mute::ActiveModel { user_id: Set(user), channel_id: Set(channel) };
    let columns = [mute::Column::UserId, mute::Column::ChannelId];
    let keep = OnConflict::columns(columns).do_nothing_on(columns).to_owned();
    mute::Entity::insert(row).on_conflict(keep).exec_without_returning(txn).await?;
    Ok(())
}

pub async fn unmute_in_txn(txn: &impl ConnectionTrait, user: i64, channel: i64) -> Result<(), DbError> {
    mute::Entity::delete_many()
        .filter(mute::Column::UserId.eq(user))
        .filter(mute::Column::ChannelId.eq(channel))
        .exec(txn)
        .await?;
    Ok(())
}
