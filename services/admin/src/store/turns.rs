//! One transaction at a time about a user: what comes from or about them, and
//! their erasure, cannot overlook each other.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::entity::turn::{ActiveModel, Column, Entity};

/// Others that are about one of these users wait until the transaction ends.
pub async fn take_in_txn(txn: &impl ConnectionTrait, users: &[i64]) -> Result<(), DbErr> {
    let mut users: Vec<i64> = users.iter().copied().filter(|user| *user > 0).collect();
    // Always in the same order, so that nobody waits for one who waits.
    users.sort_unstable();
    users.dedup();
    for user in users {
        let row = ActiveModel { user_id: Set(user), number: Set(0) };
        let keep = OnConflict::column(Column::UserId).do_nothing_on([Column::UserId]).to_owned();
        Entity::insert(row).on_conflict(keep).exec_without_returning(txn).await?;
        let next = Expr::col(Column::Number).add(1);
        Entity::update_many().col_expr(Column::Number, next).filter(Column::UserId.eq(user)).exec(txn).await?;
    }
    Ok(())
}

/// Forgets a user's.
pub async fn remove(db: &impl ConnectionTrait, user: i64) -> Result<(), DbErr> {
    Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}
