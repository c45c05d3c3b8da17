//! Channels that were deleted, and users' own things: what is left of them goes,
//! and what comes late brings nothing back.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::{
    entity::{
        channel, channel_event as event,
        deleted_channel::{ActiveModel, Column, Entity, Model},
        direct_notice as direct, membership, mute, stream_ticket as ticket,
    },
    members::Membership,
    readers,
};
use crate::domain::{Kind, Seq, wording};

/// How a channel ended. One of the same id may have begun after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub channel: i64,
    pub owner: i64,
    pub version: i64,
    pub seq: Seq,
    pub at: DateTime<Utc>,
}

impl Deleted {
    /// Whether a membership of the channel is from before. By when it changed, not
    /// by when we heard: this may have come later than the first member of a
    /// channel that was made anew.
    pub fn ends(&self, membership: &Membership) -> bool {
        membership.changed_at.map_or(membership.since < self.seq, |at| at <= self.at)
    }
}

impl From<Model> for Deleted {
    fn from(row: Model) -> Self {
        let Model { channel_id: channel, owner_id: owner, version, seq, deleted_at: at, .. } = row;
        Self { channel, owner, version, seq, at }
    }
}

pub async fn channel(db: &impl ConnectionTrait, id: i64) -> Result<Option<Deleted>, DbErr> {
    Ok(Entity::find_by_id(id).one(db).await?.map(Deleted::from))
}

/// Notes that a channel was deleted, and takes what it told with it; how many
/// rows that was. Its memberships are swept later.
pub async fn delete_channel_in_txn(txn: &impl ConnectionTrait, deleted: Deleted) -> Result<u64, DbErr> {
    let row = ActiveModel {
        channel_id: Set(deleted.channel),
        owner_id: Set(deleted.owner),
        version: Set(deleted.version),
        seq: Set(deleted.seq),
        deleted_at: Set(deleted.at),
        is_swept: Set(false),
    };
    let replace = OnConflict::column(Column::ChannelId)
        .update_columns([Column::OwnerId, Column::Version, Column::Seq, Column::DeletedAt, Column::IsSwept])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    let known = channel::Entity::delete_many()
        .filter(channel::Column::ChannelId.eq(deleted.channel))
        .filter(channel::Column::Version.lte(deleted.version))
        .exec(txn)
        .await?;
    let told = event::Entity::delete_many()
        .filter(event::Column::ChannelId.eq(deleted.channel))
        .filter(event::Column::OccurredAt.lte(deleted.at))
        .exec(txn)
        .await?;
    Ok(known.rows_affected + told.rows_affected)
}

/// Those of an owner of which something may be left.
pub async fn unswept_of(db: &impl ConnectionTrait, owner: i64) -> Result<Vec<Deleted>, DbErr> {
    let rows = Entity::find().filter(Column::IsSwept.eq(false)).filter(Column::OwnerId.eq(owner)).all(db).await?;
    Ok(rows.into_iter().map(Deleted::from).collect())
}

/// Deleted channels of which something may be left.
pub async fn unswept(db: &impl ConnectionTrait, most: u64) -> Result<Vec<Deleted>, DbErr> {
    let rows = Entity::find().filter(Column::IsSwept.eq(false)).limit(most).all(db).await?;
    Ok(rows.into_iter().map(Deleted::from).collect())
}

/// Ends a portion of the memberships from before; whose they were.
pub async fn sweep_in_txn(txn: &impl ConnectionTrait, deleted: Deleted, most: u64) -> Result<Vec<i64>, DbErr> {
    use membership::Column as C;
    // As in `ends`.
    let unknown = Condition::all().add(C::ChangedAt.is_null()).add(C::SinceSeq.lt(deleted.seq));
    // Channel ends memberships a moment after it ended itself; such an end may be
    // heard of first, and then remembers nobody's.
    let ended = Condition::all().add(C::Tier.eq(0)).add(C::SinceSeq.lt(deleted.seq));
    let before = Condition::any().add(C::ChangedAt.lte(deleted.at)).add(unknown).add(ended);
    let users: Vec<i64> = membership::Entity::find()
        .select_only()
        .column(C::UserId)
        .filter(C::ChannelId.eq(deleted.channel))
        .filter(before)
        .limit(most)
        .into_tuple()
        .all(txn)
        .await?;
    if users.is_empty() {
        return Ok(users);
    }
    membership::Entity::delete_many()
        .filter(C::ChannelId.eq(deleted.channel))
        .filter(C::UserId.is_in(users.iter().copied()))
        .exec(txn)
        .await?;
    // They name the channel.
    direct::Entity::delete_many()
        .filter(direct::Column::UserId.is_in(users.iter().copied()))
        .filter(direct::Column::Kind.is_in([Kind::PremiumStarted.number(), Kind::PremiumEnded.number()]))
        .filter(direct::Column::Payload.eq(wording::of_channel(deleted.channel)))
        .exec(txn)
        .await?;
    Ok(users)
}

/// Nothing from before is left, but for who had muted it.
pub async fn swept_in_txn(txn: &impl ConnectionTrait, deleted: Deleted) -> Result<(), DbErr> {
    mute::Entity::delete_many().filter(mute::Column::ChannelId.eq(deleted.channel)).exec(txn).await?;
    Entity::update_many()
        .col_expr(Column::IsSwept, Expr::value(true))
        .filter(Column::ChannelId.eq(deleted.channel))
        .filter(Column::Version.eq(deleted.version))
        .exec(txn)
        .await?;
    Ok(())
}

/// Forgets channels that were deleted before a moment.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::DeletedAt.lt(before)).filter(Column::IsSwept.eq(true)).exec(db).await?;
    Ok(())
}

/// Removes a portion of what is a user's own; how many rows.
pub async fn remove_of_user_in_txn(txn: &impl ConnectionTrait, user: i64, most: u64) -> Result<u64, DbErr> {
    let notices: Vec<Seq> = direct::Entity::find()
        .select_only()
        .column(direct::Column::Seq)
        .filter(direct::Column::UserId.eq(user))
        .limit(most)
        .into_tuple()
        .all(txn)
        .await?;
    let mut removed = notices.len() as u64;
    if !notices.is_empty() {
        direct::Entity::delete_many().filter(direct::Column::Seq.is_in(notices)).exec(txn).await?;
    }
    let memberships = membership::Entity::delete_many().filter(membership::Column::UserId.eq(user)).exec(txn).await?;
    let mutes = mute::Entity::delete_many().filter(mute::Column::UserId.eq(user)).exec(txn).await?;
    let tickets = ticket::Entity::delete_many().filter(ticket::Column::UserId.eq(user)).exec(txn).await?;
    removed += memberships.rows_affected + mutes.rows_affected + tickets.rows_affected;
    Ok(removed)
}

/// Removes what others were told of a user, their channel or a video; how many
/// notices.
pub async fn remove_about_in_txn(txn: &impl ConnectionTrait, about: i64, seq: Seq) -> Result<u64, DbErr> {
    let told: Vec<i64> = direct::Entity::find()
        .select_only()
        .column(direct::Column::UserId)
        .filter(direct::Column::AboutId.eq(about))
        .into_tuple()
        .all(txn)
        .await?;
    if told.is_empty() {
        return Ok(0);
    }
    direct::Entity::delete_many().filter(direct::Column::AboutId.eq(about)).exec(txn).await?;
    readers::all_changed_in_txn(txn, &told, seq).await?;
    Ok(told.len() as u64)
}
