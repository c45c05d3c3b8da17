//! Serializes the transactions that concern a user, so that new rows and a
//! concurrent erasure of the user see each other. The tables have no row per user
//! that could be locked instead.

use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::entity::user_lock::{ActiveModel, Column, Entity};

/// Locks users until the transaction ends.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, users: &[i64]) -> Result<(), DbError> {
    let mut users: Vec<i64> = users.iter().copied().filter(|user| *user > 0).collect();
    // The same order everywhere prevents deadlocks.
    users.sort_unstable();
    users.dedup();
    for user in users {
        let row = ActiveModel { user_id: Set(user), number: Set(0) };
        let ignore = OnConflict::column(Column::UserId).do_nothing_on([Column::UserId]).to_owned();
        Entity::insert(row).on_conflict(ignore).exec_without_returning(txn).await?;
        let next = Expr::col(Column::Number).add(1);
        Entity::update_many().col_expr(Column::Number, next).filter(Column::UserId.eq(user)).exec(txn).await?;
    }
    Ok(())
}

pub async fn delete(db: &impl ConnectionTrait, user: i64) -> Result<(), DbError> {
    Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}
