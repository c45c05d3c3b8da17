//! Queries on memberships.

use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    channels,
    entity::{
        channel,
        membership::{ActiveModel, Column, Entity, Model},
    },
};
use crate::domain::{Channel, ChannelId, Membership, Status, Tier, page::Page};

fn membership(row: &Model) -> Result<Membership, DbError> {
    let unknown = || DbError::malformed(format!("a membership has the unknown status {}", row.status));
    Ok(Membership {
        channel: ChannelId(row.channel_id),
        user: UserId(row.user_id),
        tier: Tier::from_number(row.tier),
        status: Status::parse(&row.status).ok_or_else(unknown)?,
        created_at: row.created_at,
        version: row.version,
    })
}

/// A user's membership of a channel, also an ended one.
pub async fn find(db: &impl ConnectionTrait, channel: ChannelId, user: UserId) -> Result<Option<Membership>, DbError> {
    let row = Entity::find_by_id((channel.0, user.0)).one(db).await?;
    row.as_ref().map(membership).transpose()
}

/// The tier of a user's membership of a channel.
pub async fn tier(db: &impl ConnectionTrait, channel: ChannelId, user: UserId) -> Result<Tier, DbError> {
    let query = Entity::find_by_id((channel.0, user.0)).inner_join(channel::Entity).filter(channel_exists());
    let tier = query.select_only().column(Column::Tier).into_tuple::<i32>().one(db).await?;
    Ok(Tier::from_number(tier.unwrap_or_default()))
}

/// The channel is not deleted, and the membership is not of a deleted channel with
/// the same id.
fn channel_exists() -> Condition {
    let floor = Expr::col((channel::Entity, channel::Column::MembershipFloor));
    Condition::all().add(channel::Column::DeletedAt.is_null()).add(Expr::col((Entity, Column::Version)).gt(floor))
}

/// Inserts or updates a membership; `before` is the stored one. The caller has
/// locked the channel.
pub async fn store_in_txn(
    txn: &impl ConnectionTrait,
    before: Option<&Membership>,
    after: &Membership,
) -> Result<(), DbError> {
    let mut row = ActiveModel {
        tier: Set(after.tier.number()),
        status: Set(after.status.as_str().to_owned()),
        created_at: Set(after.created_at),
        version: Set(after.version),
        ..ActiveModel::default()
    };
    if before.is_some() {
        let of_user = Entity::update_many().set(row).filter(Column::UserId.eq(after.user.0));
        of_user.filter(Column::ChannelId.eq(after.channel.0)).exec(txn).await?;
    } else {
        row.channel_id = Set(after.channel.0);
        row.user_id = Set(after.user.0);
        Entity::insert(row).exec_without_returning(txn).await?;
    }
    Ok(())
}

/// The visible channels that a user is a member of, the newest membership first,
/// and their total.
pub async fn list_by_user(
    db: &DatabaseConnection,
    user: UserId,
    page: Page,
) -> Result<(Vec<(Membership, Channel)>, u64), DbError> {
    let newest_first = Entity::find()
        .find_also_related(channel::Entity)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Tier.gt(0))
        .filter(channel::Column::HiddenReasons.eq(0))
        .filter(channel_exists())
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::ChannelId);
    let (rows, total) = fenz_database::page(db, newest_first.into_model::<Model, channel::Model>(), page).await?;
    let mut found = Vec::new();
    for (row, of) in rows {
        if let Some(of) = of {
            found.push((membership(&row)?, channels::channel(of)?));
        }
    }
    Ok((found, total))
}

/// A channel's members, the newest first.
pub async fn list_by_channel(db: &impl ConnectionTrait, of: &Channel, page: Page) -> Result<Vec<Membership>, DbError> {
    let rows = Entity::find()
        .filter(Column::ChannelId.eq(of.id.0))
        .filter(Column::Version.gt(of.membership_floor))
        .filter(Column::Tier.gt(0))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::UserId)
        .offset(page.offset)
        .limit(page.limit)
        .all(db)
        .await?;
    rows.iter().map(membership).collect()
}

/// The channels that a user is a member of, the newest membership first.
pub async fn channel_ids_of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    limit: u64,
) -> Result<Vec<ChannelId>, DbError> {
    let rows = Entity::find()
        .inner_join(channel::Entity)
        .select_only()
        .column(Column::ChannelId)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Tier.gt(0))
        .filter(channel_exists())
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::ChannelId);
    let ids: Vec<i64> = rows.limit(limit).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(ChannelId).collect())
}

/// Memberships, also ended ones, of a deleted channel with this id. The caller has
/// locked the channel.
pub async fn list_stale_in_txn(
    txn: &impl ConnectionTrait,
    of: &Channel,
    limit: u64,
) -> Result<Vec<Membership>, DbError> {
    let stale = Entity::find().filter(Column::ChannelId.eq(of.id.0)).filter(Column::Version.lte(of.membership_floor));
    let rows = stale.order_by_asc(Column::UserId).limit(limit).all(txn).await?;
    rows.iter().map(membership).collect()
}

/// Channels after an id that have memberships of a deleted channel with the same id.
pub async fn channels_with_stale(
    db: &impl ConnectionTrait,
    after: ChannelId,
    limit: u64,
) -> Result<Vec<ChannelId>, DbError> {
    let floor = Expr::col((channel::Entity, channel::Column::MembershipFloor));
    let stale = Query::select()
        .expr(Expr::val(1))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::ChannelId)).equals((channel::Entity, channel::Column::Id)))
        .and_where(Expr::col((Entity, Column::Version)).lte(floor))
        .to_owned();
    let ids = channel::Entity::find()
        .select_only()
        .column(channel::Column::Id)
        .filter(channel::Column::Id.gt(after.0))
        // Others were never deleted.
        .filter(channel::Column::MembershipFloor.gt(0))
        .filter(Expr::exists(stale))
        .order_by_asc(channel::Column::Id)
        .limit(limit);
    Ok(ids.into_tuple().all(db).await?.into_iter().map(ChannelId).collect())
}

/// Channels with any membership of a user, also ended ones and those of deleted
/// channels.
pub async fn all_channels_of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    limit: u64,
) -> Result<Vec<ChannelId>, DbError> {
    let of_user = Entity::find().select_only().column(Column::ChannelId).filter(Column::UserId.eq(user.0));
    let ids: Vec<i64> = of_user.order_by_asc(Column::ChannelId).limit(limit).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(ChannelId).collect())
}

/// Deletes the memberships of these users. The caller has locked the channel.
pub async fn remove_in_txn(txn: &impl ConnectionTrait, channel: ChannelId, users: &[UserId]) -> Result<u64, DbError> {
    let of_channel = Entity::delete_many().filter(Column::ChannelId.eq(channel.0));
    let removed = of_channel.filter(Column::UserId.is_in(users.iter().map(|u| u.0))).exec(txn).await?;
    Ok(removed.rows_affected)
}
