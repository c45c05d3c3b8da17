//! Users' names and whether they are hidden, as of auth's events.

use fenz_core::UserId;
use fenz_database::{DbError, insert_or_lock_in_txn, upsert_newer};
use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::entity::user_name::{ActiveModel, Column, Entity, Model};
use crate::domain::{UserNames, UserUpdate};

impl From<Model> for UserUpdate {
    fn from(row: Model) -> Self {
        let names = UserNames { username: row.username, display_name: row.display_name };
        Self { names, is_hidden: row.is_hidden, version: row.version }
    }
}

/// Locks a user's row until the transaction ends. An unknown user gets a
/// placeholder row with the lowest version.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<(), DbError> {
    let placeholder = ActiveModel {
        user_id: Set(user.0),
        username: Set(String::new()),
        display_name: Set(String::new()),
        is_hidden: Set(false),
        version: Set(i64::MIN),
    };
    insert_or_lock_in_txn(txn, placeholder).await
}

/// Stores an update unless a newer one is stored.
pub async fn upsert_newer_in_txn(txn: &impl ConnectionTrait, user: UserId, update: &UserUpdate) -> Result<(), DbError> {
    let row = ActiveModel {
        user_id: Set(user.0),
        username: Set(update.names.username.clone()),
        display_name: Set(update.names.display_name.clone()),
        is_hidden: Set(update.is_hidden),
        version: Set(update.version),
    };
    upsert_newer(txn, row, Column::Version).await
}

/// The newest update of a user.
pub async fn find(db: &impl ConnectionTrait, user: UserId) -> Result<Option<UserUpdate>, DbError> {
    Ok(Entity::find_by_id(user.0).one(db).await?.map(UserUpdate::from))
}

pub async fn remove(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_by_id(user.0).exec(db).await?.rows_affected)
}

/// The names of these users; unknown ones are left out.
pub async fn find_many(db: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, UserNames>, DbError> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Entity::find().filter(Column::UserId.is_in(users.iter().map(|u| u.0))).all(db).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), UserUpdate::from(row).names)).collect())
}
