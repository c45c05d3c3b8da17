//! Recommendation settings of users.

use fenz_core::UserId;
use fenz_database::{DbError, upsert};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use super::entity::viewer::{ActiveModel, Entity};

/// Whether recently watched videos come last; the default is yes.
pub async fn watched_last(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbError> {
    Ok(Entity::find_by_id(user.0).one(db).await?.is_none_or(|row| row.watched_last))
}

pub async fn set_watched_last(db: &impl ConnectionTrait, user: UserId, watched_last: bool) -> Result<(), DbError> {
    let row = ActiveModel { user_id: Set(user.0), watched_last: Set(watched_last) };
    upsert(db, [row]).await
}

/// Deletes a user's settings. Returns how many rows there were.
pub async fn erase_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_by_id(user.0).exec(txn).await?.rows_affected)
}
