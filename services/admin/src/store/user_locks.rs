//! Serializes the transactions that concern a user, so that new rows and a
//! concurrent erasure of the user see each other. The tables have no row per user
//! that could be locked instead.

use fenz_core::UserId;
use fenz_database::{DbError, insert_absent};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::entity::user_lock::{ActiveModel, Column, Entity};

/// Locks users until the transaction ends.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, users: &[UserId]) -> Result<(), DbError> {
    let mut users: Vec<i64> = users.iter().map(|user| user.0).filter(|user| *user > 0).collect();
    // The same order everywhere prevents deadlocks.
    users.sort_unstable();
    users.dedup();
    for user in users {
        insert_absent(txn, [ActiveModel { user_id: Set(user), number: Set(0) }]).await?;
        let next = Expr::col(Column::Number).add(1);
        Entity::update_many().col_expr(Column::Number, next).filter(Column::UserId.eq(user)).exec(txn).await?;
    }
    Ok(())
}

pub async fn delete(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbError> {
    Entity::delete_by_id(user.0).exec(db).await?;
    Ok(())
}
