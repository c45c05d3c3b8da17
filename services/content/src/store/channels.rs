//! Channel states, which decide the visibility of videos.

use fenz_core::UserId;
use fenz_database::DbError;
use std::collections::{BTreeSet, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict, SelectStatement},
};

use super::entity::channel_state::{ActiveModel, Column, Entity, Model};
use crate::domain::ChannelState;

impl From<Model> for ChannelState {
    fn from(row: Model) -> Self {
        Self {
            id: row.channel_id,
            owner_id: row.owner_id,
            is_hidden: row.is_hidden,
            is_deleted: row.is_deleted,
            version: row.version,
        }
    }
}

/// A channel without a row is visible.
pub async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<ChannelState>, DbError> {
    Ok(Entity::find_by_id(id).one(db).await?.map(ChannelState::from))
}

/// Locks those of these channels that exist and are not deleted.
pub async fn lock_active_in_txn(txn: &impl ConnectionTrait, ids: BTreeSet<i64>) -> Result<HashSet<i64>, DbError> {
    let active = Entity::find()
        .filter(Column::ChannelId.is_in(ids))
        .filter(Column::IsDeleted.eq(false))
        // The same order everywhere prevents deadlocks.
        .order_by_asc(Column::ChannelId)
        .lock_exclusive()
        .all(txn)
        .await?;
    Ok(active.into_iter().map(|row| row.channel_id).collect())
}

/// Stores a state, unless a later version is stored.
pub async fn upsert_in_txn(txn: &impl ConnectionTrait, state: &ChannelState) -> Result<(), DbError> {
    // Inserts or locks the row whose version is compared.
    ensure_row_in_txn(txn, state.id, state.owner_id).await?;
    Entity::update_many()
        .col_expr(Column::OwnerId, Expr::value(state.owner_id))
        .col_expr(Column::IsHidden, Expr::value(state.is_hidden))
        .col_expr(Column::IsDeleted, Expr::value(state.is_deleted))
        .col_expr(Column::Version, Expr::value(state.version))
        .filter(Column::ChannelId.eq(state.id))
        .filter(Column::Version.lt(state.version))
        .exec(txn)
        .await?;
    Ok(())
}

async fn ensure_row_in_txn(txn: &impl ConnectionTrait, id: i64, owner_id: i64) -> Result<(), DbError> {
    let initial = ActiveModel {
        channel_id: Set(id),
        owner_id: Set(owner_id),
        is_hidden: Set(false),
        is_deleted: Set(false),
        version: Set(-1),
    };
    let exists = OnConflict::column(Column::ChannelId).update_column(Column::ChannelId).to_owned();
    Entity::insert(initial).on_conflict(exists).exec_without_returning(txn).await?;
    Ok(())
}

/// Marks all channels of a deleted user as deleted, before their own events arrive.
pub async fn mark_deleted_of_owner_in_txn(txn: &impl ConnectionTrait, owner: UserId) -> Result<(), DbError> {
    // A user's first channel has the user's id.
    ensure_row_in_txn(txn, owner.0, owner.0).await?;
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
pub async fn hidden_ids(db: &impl ConnectionTrait, ids: HashSet<i64>) -> Result<HashSet<i64>, DbError> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let rows = Entity::find()
        .filter(Column::ChannelId.is_in(ids))
        .filter(Condition::any().add(Column::IsHidden.eq(true)).add(Column::IsDeleted.eq(true)))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.channel_id).collect())
}

/// Subqueries for hidden and for deleted channels: two, so that each uses its index.
pub(super) fn hidden_id_queries() -> [SelectStatement; 2] {
    [Column::IsHidden, Column::IsDeleted]
        .map(|reason| Entity::find().select_only().column(Column::ChannelId).filter(reason.eq(true)).into_query())
}
