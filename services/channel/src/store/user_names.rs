//! What users are called, as auth's events tell it.

use std::collections::HashMap;

use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::entity::user_name::{ActiveModel, Column, Entity};

/// What a user is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub username: String,
    pub display_name: String,
}

/// Keeps the names, unless newer ones are kept already.
pub async fn put_in_txn(txn: &impl ConnectionTrait, user: UserId, names: &Names, version: i64) -> Result<(), DbErr> {
    // What an upsert did cannot be told on every database: first a row that
    // anything is newer than, then the names.
    let oldest = ActiveModel {
        user_id: Set(user.0),
        username: Set(String::new()),
        display_name: Set(String::new()),
        version: Set(i64::MIN),
    };
    let exists = OnConflict::column(Column::UserId).update_column(Column::UserId).to_owned();
    Entity::insert(oldest).on_conflict(exists).exec_without_returning(txn).await?;
    Entity::update_many()
        .col_expr(Column::Username, Expr::value(&names.username))
        .col_expr(Column::DisplayName, Expr::value(&names.display_name))
        .col_expr(Column::Version, Expr::value(version))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Version.lt(version))
        .exec(txn)
        .await?;
    Ok(())
}

/// The names of those users that are known.
pub async fn of(db: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, Names>, DbErr> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Entity::find().filter(Column::UserId.is_in(users.iter().map(|u| u.0))).all(db).await?;
    let names = rows.into_iter().map(|row| {
        let names = Names { username: row.username, display_name: row.display_name };
        (UserId(row.user_id), names)
    });
    Ok(names.collect())
}
