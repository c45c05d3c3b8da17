//! Channel states, which decide the visibility of videos.

use fenz_core::{ChannelId, UserId};
use fenz_database::{DbError, insert_or_lock_in_txn, upsert_newer};
use std::collections::{BTreeSet, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, SelectStatement},
};

use super::entity::channel_state::{ActiveModel, Column, Entity, Model};
use crate::domain::ChannelState;

impl From<Model> for ChannelState {
    fn from(row: Model) -> Self {
        Self {
            id: ChannelId(row.channel_id),
            owner: UserId(row.owner_id),
            is_hidden: row.is_hidden,
            is_deleted: row.is_deleted,
            version: row.version,
        }
    }
}

/// A channel without a row is visible.
pub async fn find(db: &impl ConnectionTrait, id: ChannelId) -> Result<Option<ChannelState>, DbError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(ChannelState::from))
}

/// Locks those of these channels that exist and are not deleted.
pub async fn lock_active_in_txn(
    txn: &impl ConnectionTrait,
    ids: BTreeSet<ChannelId>,
) -> Result<HashSet<ChannelId>, DbError> {
    let active = Entity::find()
        .filter(Column::ChannelId.is_in(ids.iter().map(|id| id.0)))
        .filter(Column::IsDeleted.eq(false))
        // The same order everywhere prevents deadlocks.
        .order_by_asc(Column::ChannelId)
        .lock_exclusive()
        .all(txn)
        .await?;
    Ok(active.into_iter().map(|row| ChannelId(row.channel_id)).collect())
}

/// Stores a state, unless a later version is stored.
pub async fn upsert_in_txn(txn: &impl ConnectionTrait, state: &ChannelState) -> Result<(), DbError> {
    upsert_newer(txn, row(state), Column::Version).await
}

fn row(state: &ChannelState) -> ActiveModel {
    ActiveModel {
        channel_id: Set(state.id.0),
        owner_id: Set(state.owner.0),
        is_hidden: Set(state.is_hidden),
        is_deleted: Set(state.is_deleted),
        version: Set(state.version),
    }
}

/// Marks all channels of a deleted user as deleted, before their own events arrive.
pub async fn mark_deleted_of_owner_in_txn(txn: &impl ConnectionTrait, owner: UserId) -> Result<(), DbError> {
    // A user's first channel has the user's id. Any version replaces this one.
    let first = ChannelState { id: ChannelId(owner.0), owner, is_hidden: false, is_deleted: false, version: -1 };
    insert_or_lock_in_txn(txn, row(&first)).await?;
    Entity::update_many()
        .col_expr(Column::IsDeleted, Expr::value(true))
        .filter(Column::OwnerId.eq(owner.0))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn delete_of_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::OwnerId.eq(owner.0)).exec(db).await?.rows_affected)
}

/// Those of these channels that are hidden or deleted.
pub async fn hidden_ids(db: &impl ConnectionTrait, ids: HashSet<ChannelId>) -> Result<HashSet<ChannelId>, DbError> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let rows = Entity::find()
        .filter(Column::ChannelId.is_in(ids.iter().map(|id| id.0)))
        .filter(Condition::any().add(Column::IsHidden.eq(true)).add(Column::IsDeleted.eq(true)))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| ChannelId(row.channel_id)).collect())
}

/// Subqueries for hidden and for deleted channels: two, so that each uses its index.
pub(super) fn hidden_id_queries() -> [SelectStatement; 2] {
    [Column::IsHidden, Column::IsDeleted]
        .map(|reason| Entity::find().select_only().column(Column::ChannelId).filter(reason.eq(true)).into_query())
}
