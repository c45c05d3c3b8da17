//! Users' names and whether they are hidden, as of auth's events.

use fenz_core::UserId;
use fenz_database::DbError;
use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

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
    let exists = OnConflict::column(Column::UserId).update_column(Column::UserId).to_owned();
    Entity::insert(placeholder).on_conflict(exists).exec_without_returning(txn).await?;
    Ok(())
}

/// Stores an update unless a newer one is stored. The caller has locked the row
/// ([`lock_in_txn`]): a conditional upsert does not exist on every database.
pub async fn update_if_newer_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    update: &UserUpdate,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Username, Expr::value(&update.names.username))
        .col_expr(Column::DisplayName, Expr::value(&update.names.display_name))
        .col_expr(Column::IsHidden, Expr::value(update.is_hidden))
        .col_expr(Column::Version, Expr::value(update.version))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Version.lt(update.version))
        .exec(txn)
        .await?;
    Ok(())
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
