//! Channels whose deleted memberships are still to be removed: there may be a
//! million, too many for one transaction.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect, sea_query::OnConflict};

use super::entity::clearing::{ActiveModel, Column, Entity};
use crate::domain::ChannelId;

/// Notes a channel. The caller has locked it.
pub async fn put_in_txn(txn: &impl ConnectionTrait, channel: ChannelId) -> Result<(), DbErr> {
    let there = OnConflict::column(Column::ChannelId).update_column(Column::ChannelId).to_owned();
    let row = ActiveModel { channel_id: Set(channel.0) };
    Entity::insert(row).on_conflict(there).exec_without_returning(txn).await?;
    Ok(())
}

/// Some channels to be cleared.
pub async fn some(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<ChannelId>, DbErr> {
    let rows = Entity::find().order_by_asc(Column::ChannelId).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| ChannelId(row.channel_id)).collect())
}

/// Forgets a channel that is cleared. The caller has locked it.
pub async fn remove_in_txn(txn: &impl ConnectionTrait, channel: ChannelId) -> Result<(), DbErr> {
    Entity::delete_by_id(channel.0).exec(txn).await?;
    Ok(())
}
