//! What users are called and whether they are hidden, as auth's events tell it.

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

/// What auth has told of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub names: Names,
    pub is_hidden: bool,
    /// The user's.
    pub version: i64,
}

impl Names {
    /// What a channel of theirs is called before they have named it.
    pub fn of_channel(&self) -> &str {
        [&self.display_name, &self.username].into_iter().find(|name| !name.trim().is_empty()).map_or("", |name| name)
    }
}

/// Makes who follows with something of the user's wait for the end of this
/// transaction. Where nothing is known of them there is a row then that anything
/// is newer than.
pub async fn hold_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    let oldest = ActiveModel {
        user_id: Set(user.0),
        username: Set(String::new()),
        display_name: Set(String::new()),
        is_hidden: Set(false),
        version: Set(i64::MIN),
    };
    let exists = OnConflict::column(Column::UserId).update_column(Column::UserId).to_owned();
    Entity::insert(oldest).on_conflict(exists).exec_without_returning(txn).await?;
    Ok(())
}

/// Keeps what was told, unless something newer is kept already. The user is held
/// ([`hold_in_txn`]): what an upsert did cannot be told on every database.
pub async fn put_in_txn(txn: &impl ConnectionTrait, user: UserId, told: &Told) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Username, Expr::value(&told.names.username))
        .col_expr(Column::DisplayName, Expr::value(&told.names.display_name))
        .col_expr(Column::IsHidden, Expr::value(told.is_hidden))
        .col_expr(Column::Version, Expr::value(told.version))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Version.lt(told.version))
        .exec(txn)
        .await?;
    Ok(())
}

/// The newest that was told of a user.
pub async fn find(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Told>, DbErr> {
    let row = Entity::find_by_id(user.0).one(db).await?;
    Ok(row.map(|row| Told {
        names: Names { username: row.username, display_name: row.display_name },
        is_hidden: row.is_hidden,
        version: row.version,
    }))
}

pub async fn remove(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbErr> {
    Ok(Entity::delete_by_id(user.0).exec(db).await?.rows_affected)
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
