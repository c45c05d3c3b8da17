//! Recommendation settings of users.

use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use super::entity::viewer::{ActiveModel, Column, Entity};

/// Whether recently watched videos come last; the default is yes.
pub async fn watched_last(db: &impl ConnectionTrait, user: i64) -> Result<bool, DbError> {
    Ok(Entity::find_by_id(user).one(db).await?.is_none_or(|row| row.watched_last))
}

pub async fn set_watched_last(db: &impl ConnectionTrait, user: i64, watched_last: bool) -> Result<(), DbError> {
    let row = ActiveModel { user_id: Set(user), watched_last: Set(watched_last) };
    let replace = OnConflict::column(Column::UserId).update_column(Column::WatchedLast).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes a user's settings. Returns how many rows there were.
pub async fn erase_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<u64, DbError> {
    Ok(Entity::delete_by_id(user).exec(txn).await?.rows_affected)
}
