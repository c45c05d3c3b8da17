//! Channels, as far as they decide who sees videos.

use std::collections::{BTreeSet, HashSet};

use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
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

/// What is known of a channel; one that nothing was heard of is visible.
pub async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<ChannelState>, DbErr> {
    Ok(Entity::find_by_id(id).one(db).await?.map(ChannelState::from))
}

/// Which of these channels are there, kept from being deleted until the
/// transaction ends.
pub async fn lock_open_in_txn(txn: &impl ConnectionTrait, ids: BTreeSet<i64>) -> Result<HashSet<i64>, DbErr> {
    let open = Entity::find()
        .filter(Column::ChannelId.is_in(ids))
        .filter(Column::IsDeleted.eq(false))
        // All in the same order, so that no two wait for each other.
        .order_by_asc(Column::ChannelId)
        .lock_exclusive()
        .all(txn)
        .await?;
    Ok(open.into_iter().map(|row| row.channel_id).collect())
}

/// Keeps a state, unless a later one is known.
pub async fn apply_in_txn(txn: &impl ConnectionTrait, state: &ChannelState) -> Result<(), DbErr> {
    // A row to decide on, kept from changing.
    touch_in_txn(txn, state.id, state.owner_id).await?;
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

async fn touch_in_txn(txn: &impl ConnectionTrait, id: i64, owner_id: i64) -> Result<(), DbErr> {
    let unknown = ActiveModel {
        channel_id: Set(id),
        owner_id: Set(owner_id),
        is_hidden: Set(false),
        is_deleted: Set(false),
        version: Set(-1),
    };
    let exists = OnConflict::column(Column::ChannelId).update_column(Column::ChannelId).to_owned();
    Entity::insert(unknown).on_conflict(exists).exec_without_returning(txn).await?;
    Ok(())
}

/// Takes all channels of a deleted user out of sight, before their own events
/// say so.
pub async fn close_of_owner_in_txn(txn: &impl ConnectionTrait, owner: UserId) -> Result<(), DbErr> {
    // A user's first channel has the user's id.
    touch_in_txn(txn, owner.0, owner.0).await?;
    Entity::update_many()
        .col_expr(Column::IsDeleted, Expr::value(true))
        .filter(Column::OwnerId.eq(owner.0))
        .exec(txn)
        .await?;
    Ok(())
}

/// Forgets the channels of a deleted user.
pub async fn forget_of_owner(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::OwnerId.eq(owner.0)).exec(db).await?.rows_affected)
}

/// Which of these channels keep their videos out of sight.
pub async fn withholding(db: &impl ConnectionTrait, ids: HashSet<i64>) -> Result<HashSet<i64>, DbErr> {
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

/// The channels that are hidden, and those that are deleted, as subqueries: two,
/// so that each is read along its index.
pub(super) fn withholding_queries() -> [SelectStatement; 2] {
    [Column::IsHidden, Column::IsDeleted]
        .map(|reason| Entity::find().select_only().column(Column::ChannelId).filter(reason.eq(true)).into_query())
}
