//! Tombstones of deleted channels: they drop late events, and mark memberships that
//! are still to be removed.

use chrono::{DateTime, Utc};
use fenz_core::{ChannelId, UserId};
use fenz_database::{DbError, upsert};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};

use super::{
    entity::{
        channel, channel_event as event,
        deleted_channel::{ActiveModel, Column, Entity, Model},
        direct_notification as direct, membership, mute,
    },
    memberships::Membership,
};
use crate::domain::{Kind, Seq, templates};

/// A deleted channel. A new one with the same id may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub channel: ChannelId,
    pub owner: UserId,
    pub version: i64,
    pub seq: Seq,
    pub deleted_at: DateTime<Utc>,
}

impl Tombstone {
    /// Whether a membership belongs to the deleted channel. Decided by when it changed:
    /// this event may have arrived after the first member of a new channel.
    pub fn covers(&self, membership: &Membership) -> bool {
        membership.changed_at.map_or(membership.since < self.seq, |at| at <= self.deleted_at)
    }
}

impl From<Model> for Tombstone {
    fn from(row: Model) -> Self {
        let Model { channel_id, owner_id, version, seq, deleted_at, .. } = row;
        Self { channel: ChannelId(channel_id), owner: UserId(owner_id), version, seq, deleted_at }
    }
}

pub async fn find(db: &impl ConnectionTrait, channel: ChannelId) -> Result<Option<Tombstone>, DbError> {
    Ok(Entity::find_by_id(channel.0).one(db).await?.map(Tombstone::from))
}

/// Stores the tombstone and deletes the channel and its events; how many rows. Its
/// memberships are swept later.
pub async fn delete_channel_in_txn(txn: &impl ConnectionTrait, tombstone: Tombstone) -> Result<u64, DbError> {
    let row = ActiveModel {
        channel_id: Set(tombstone.channel.0),
        owner_id: Set(tombstone.owner.0),
        version: Set(tombstone.version),
        seq: Set(tombstone.seq),
        deleted_at: Set(tombstone.deleted_at),
        is_swept: Set(false),
    };
    upsert(txn, [row]).await?;
    let channels = channel::Entity::delete_many()
        .filter(channel::Column::ChannelId.eq(tombstone.channel.0))
        .filter(channel::Column::Version.lte(tombstone.version))
        .exec(txn)
        .await?;
    let events = event::Entity::delete_many()
        .filter(event::Column::ChannelId.eq(tombstone.channel.0))
        .filter(event::Column::OccurredAt.lte(tombstone.deleted_at))
        .exec(txn)
        .await?;
    Ok(channels.rows_affected + events.rows_affected)
}

pub async fn unswept_of_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<Vec<Tombstone>, DbError> {
    let rows = Entity::find().filter(Column::IsSwept.eq(false)).filter(Column::OwnerId.eq(owner.0)).all(db).await?;
    Ok(rows.into_iter().map(Tombstone::from).collect())
}

pub async fn unswept(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Tombstone>, DbError> {
    let rows = Entity::find().filter(Column::IsSwept.eq(false)).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(Tombstone::from).collect())
}

/// Deletes a batch of the deleted channel's memberships; their users.
pub async fn delete_memberships_in_txn(
    txn: &impl ConnectionTrait,
    tombstone: Tombstone,
    limit: u64,
) -> Result<Vec<UserId>, DbError> {
    use membership::Column as C;
    // As in `Tombstone::covers`.
    let undated = Condition::all().add(C::ChangedAt.is_null()).add(C::SinceSeq.lt(tombstone.seq));
    // The channel service ends memberships after it deletes the channel. If such an end
    // arrived first, it left a row with tier 0.
    let ended = Condition::all().add(C::Tier.eq(0)).add(C::SinceSeq.lt(tombstone.seq));
    let covered = Condition::any().add(C::ChangedAt.lte(tombstone.deleted_at)).add(undated).add(ended);
    let users: Vec<i64> = membership::Entity::find()
        .select_only()
        .column(C::UserId)
        .filter(C::ChannelId.eq(tombstone.channel.0))
        .filter(covered)
        .limit(limit)
        .into_tuple()
        .all(txn)
        .await?;
    if users.is_empty() {
        return Ok(Vec::new());
    }
    membership::Entity::delete_many()
        .filter(C::ChannelId.eq(tombstone.channel.0))
        .filter(C::UserId.is_in(users.iter().copied()))
        .exec(txn)
        .await?;
    // They name the channel.
    direct::Entity::delete_many()
        .filter(direct::Column::UserId.is_in(users.iter().copied()))
        .filter(direct::Column::Kind.is_in([Kind::PremiumStarted.number(), Kind::PremiumEnded.number()]))
        .filter(direct::Column::Payload.eq(templates::channel_payload(tombstone.channel)))
        .exec(txn)
        .await?;
    Ok(users.into_iter().map(UserId).collect())
}

/// Deletes the channel's mutes: no membership is left.
pub async fn mark_swept_in_txn(txn: &impl ConnectionTrait, tombstone: Tombstone) -> Result<(), DbError> {
    mute::Entity::delete_many().filter(mute::Column::ChannelId.eq(tombstone.channel.0)).exec(txn).await?;
    Entity::update_many()
        .col_expr(Column::IsSwept, Expr::value(true))
        .filter(Column::ChannelId.eq(tombstone.channel.0))
        .filter(Column::Version.eq(tombstone.version))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::DeletedAt.lt(before)).filter(Column::IsSwept.eq(true)).exec(db).await?;
    Ok(())
}
