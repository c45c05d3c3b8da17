//! Users whose data is to be erased, and those whose was.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};

use super::entity::{
    erased_user,
    erasure::{ActiveModel, Column, Entity},
};

pub use super::entity::erasure::Model as ErasureRequest;

/// Stores a request, unless it exists.
pub async fn insert_in_txn(
    txn: &impl ConnectionTrait,
    erasure_id: i64,
    user_id: i64,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    if Entity::find_by_id(erasure_id).one(txn).await?.is_some() {
        return Ok(());
    }
    let row = ActiveModel {
        erasure_id: Set(erasure_id),
        user_id: Set(user_id),
        removed: Set(0),
        attempts: Set(0),
        due_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// The request that has been due longest.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Option<ErasureRequest>, DbError> {
    Ok(Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).one(db).await?)
}

/// Whether any request is not done.
pub async fn exists(db: &impl ConnectionTrait) -> Result<bool, DbError> {
    Ok(Entity::find().one(db).await?.is_some())
}

pub async fn add_removed(db: &impl ConnectionTrait, erasure_id: i64, removed: i64) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Removed, Expr::col(Column::Removed).add(removed))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::ErasureId.eq(erasure_id))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn reschedule(db: &impl ConnectionTrait, erasure_id: i64, due_at: DateTime<Utc>) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::DueAt, Expr::value(due_at))
        .filter(Column::ErasureId.eq(erasure_id))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes a request. Whether it existed.
pub async fn finish_in_txn(txn: &impl ConnectionTrait, erasure_id: i64) -> Result<bool, DbError> {
    Ok(Entity::delete_by_id(erasure_id).exec(txn).await?.rows_affected == 1)
}

pub async fn insert_erased_in_txn(txn: &impl ConnectionTrait, user_id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    if is_erased(txn, user_id).await? {
        return Ok(());
    }
    let row = erased_user::ActiveModel { user_id: Set(user_id), erased_at: Set(now) };
    erased_user::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

pub async fn is_erased(db: &impl ConnectionTrait, user_id: i64) -> Result<bool, DbError> {
    Ok(erased_user::Entity::find_by_id(user_id).one(db).await?.is_some())
}

pub async fn prune_erased(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    erased_user::Entity::delete_many().filter(erased_user::Column::ErasedAt.lt(before)).exec(db).await?;
    Ok(())
}
