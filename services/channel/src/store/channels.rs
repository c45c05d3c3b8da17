//! Queries on channels.

use fenz_core::{Currency, UserId};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};

use super::entity::channel::{ActiveModel, Column, Entity, Model};
use crate::domain::{Channel, ChannelId, Counts, HiddenReasons, Money, UploadId};

pub(super) fn channel(row: Model) -> Result<Channel, DbError> {
    let unknown = || DbError::malformed(format!("channel {} has the unknown currency {}", row.id, row.fee_currency));
    let currency = Currency::parse(&row.fee_currency).ok_or_else(unknown)?;
    Ok(Channel {
        id: ChannelId(row.id),
        owner: UserId(row.owner_id),
        name: row.name,
        description: row.description,
        avatar: row.avatar_upload_id.map(UploadId),
        banner: row.banner_upload_id.map(UploadId),
        fee: Money { minor: row.monthly_fee, currency },
        hidden: HiddenReasons::from_bits(row.hidden_reasons),
        counts: Counts { subscribers: row.subscriber_count, premium: row.premium_count },
        created_at: row.created_at,
        version: row.version,
        deleted_at: row.deleted_at,
        membership_floor: row.membership_floor,
    })
}

async fn one(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Option<Channel>, DbError> {
    query.one(db).await?.map(channel).transpose()
}

pub async fn find(db: &impl ConnectionTrait, id: ChannelId) -> Result<Option<Channel>, DbError> {
    one(db, Entity::find_by_id(id.0).filter(Column::DeletedAt.is_null())).await
}

/// Locks a channel until the transaction ends. It is locked before its memberships
/// are changed: one lock order, no deadlocks.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: ChannelId) -> Result<Option<Channel>, DbError> {
    Ok(lock_with_deleted_in_txn(txn, id).await?.filter(|channel| !channel.is_deleted()))
}

/// Like [`lock_in_txn`], also for a deleted channel. `is_deleted` is only reliable
/// under the lock: the channel may be recreated while we wait for it.
pub async fn lock_with_deleted_in_txn(txn: &impl ConnectionTrait, id: ChannelId) -> Result<Option<Channel>, DbError> {
    one(txn, Entity::find_by_id(id.0).lock_exclusive()).await
}

pub async fn find_by_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<Option<Channel>, DbError> {
    let live = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::DeletedAt.is_null());
    one(db, live.order_by_asc(Column::Id)).await
}

/// Channels after an id, including hidden ones.
pub async fn list_after(db: &impl ConnectionTrait, id: ChannelId, limit: u64) -> Result<Vec<Channel>, DbError> {
    let live = Entity::find().filter(Column::Id.gt(id.0)).filter(Column::DeletedAt.is_null());
    live.order_by_asc(Column::Id).limit(limit).all(db).await?.into_iter().map(channel).collect()
}

pub async fn insert_in_txn(txn: &impl ConnectionTrait, channel: &Channel) -> Result<(), DbError> {
    let row = ActiveModel { id: Set(channel.id.0), owner_id: Set(channel.owner.0), ..all_columns(channel) };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Overwrites all columns, counts included, of a deleted or recreated channel. The
/// caller has locked it.
pub async fn replace_in_txn(txn: &impl ConnectionTrait, channel: &Channel) -> Result<(), DbError> {
    Entity::update_many().set(all_columns(channel)).filter(Column::Id.eq(channel.id.0)).exec(txn).await?;
    Ok(())
}

/// Deletes the row.
pub async fn remove_in_txn(txn: &impl ConnectionTrait, id: ChannelId) -> Result<u64, DbError> {
    Ok(Entity::delete_by_id(id.0).exec(txn).await?.rows_affected)
}

/// Overwrites the columns that an edit can change.
pub async fn update_in_txn(txn: &impl ConnectionTrait, channel: &Channel) -> Result<(), DbError> {
    Entity::update_many().set(editable_columns(channel)).filter(Column::Id.eq(channel.id.0)).exec(txn).await?;
    Ok(())
}

fn all_columns(channel: &Channel) -> ActiveModel {
    ActiveModel {
        subscriber_count: Set(channel.counts.subscribers),
        premium_count: Set(channel.counts.premium),
        created_at: Set(channel.created_at),
        deleted_at: Set(channel.deleted_at),
        membership_floor: Set(channel.membership_floor),
        ..editable_columns(channel)
    }
}

fn editable_columns(channel: &Channel) -> ActiveModel {
    ActiveModel {
        name: Set(channel.name.clone()),
        description: Set(channel.description.clone()),
        avatar_upload_id: Set(channel.avatar.map(|u| u.0)),
        banner_upload_id: Set(channel.banner.map(|u| u.0)),
        monthly_fee: Set(channel.fee.minor),
        fee_currency: Set(channel.fee.currency.code().to_owned()),
        hidden_reasons: Set(channel.hidden.bits()),
        version: Set(channel.version),
        ..ActiveModel::default()
    }
}

/// Adds to the counts, in the transaction that changes a membership.
pub async fn add_counts_in_txn(txn: &impl ConnectionTrait, id: ChannelId, delta: Counts) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::SubscriberCount, Expr::col(Column::SubscriberCount).add(delta.subscribers))
        .col_expr(Column::PremiumCount, Expr::col(Column::PremiumCount).add(delta.premium))
        .filter(Column::Id.eq(id.0))
        .exec(txn)
        .await?;
    Ok(())
}
