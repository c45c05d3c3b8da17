//! Deleted channels whose memberships are not deleted yet.

use fenz_database::{DbError, insert_absent};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect};

use super::entity::channel_cleanup::{ActiveModel, Column, Entity};
use crate::domain::ChannelId;

/// Schedules the cleanup of a channel. The caller has locked the channel.
pub async fn insert_in_txn(txn: &impl ConnectionTrait, channel: ChannelId) -> Result<(), DbError> {
    insert_absent(txn, [ActiveModel { channel_id: Set(channel.0) }]).await
}

pub async fn list(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<ChannelId>, DbError> {
    let rows = Entity::find().order_by_asc(Column::ChannelId).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| ChannelId(row.channel_id)).collect())
}

/// Marks a cleanup as done. The caller has locked the channel.
pub async fn remove_in_txn(txn: &impl ConnectionTrait, channel: ChannelId) -> Result<(), DbError> {
    Entity::delete_by_id(channel.0).exec(txn).await?;
    Ok(())
}
