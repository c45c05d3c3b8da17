//! The one order of all changes.
//!
//! The row is locked from the moment a place is given out until that
//! transaction has committed, so places become visible in their order: whoever
//! has seen a place has seen all before it. Replicas bring what they keep up to
//! date by it.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::entity::sequence::{ActiveModel, Column, Entity};
use crate::domain::Seq;

const ROW: i32 = 1;
/// Which building of the index of words holds.
const INDEX_ROW: i32 = 2;

/// Gives out the next place; others wait until the transaction ends.
pub async fn next_in_txn(txn: &impl ConnectionTrait) -> Result<Seq, DbErr> {
    let next = Expr::col(Column::Last).add(1);
    Entity::update_many().col_expr(Column::Last, next).filter(Column::Id.eq(ROW)).exec(txn).await?;
    last(txn).await
}

/// The last place that was given out.
pub async fn last(db: &impl ConnectionTrait) -> Result<Seq, DbErr> {
    let row = Entity::find_by_id(ROW).one(db).await?;
    row.map(|row| row.last).ok_or_else(|| DbErr::RecordNotFound("the sequence".to_owned()))
}

/// The last place that was given out, and which building of the index of words
/// holds.
pub async fn with_index(db: &impl ConnectionTrait) -> Result<(Seq, i64), DbErr> {
    let rows = Entity::find().filter(Column::Id.is_in([ROW, INDEX_ROW])).all(db).await?;
    let of = |id| rows.iter().find(|row| row.id == id).map(|row| row.last);
    let last = of(ROW).ok_or_else(|| DbErr::RecordNotFound("the sequence".to_owned()))?;
    Ok((last, of(INDEX_ROW).unwrap_or_default()))
}

/// Has every replica build its index of words anew.
pub async fn next_index_in_txn(txn: &impl ConnectionTrait) -> Result<(), DbErr> {
    let next = Expr::col(Column::Last).add(1);
    let update = Entity::update_many().col_expr(Column::Last, next).filter(Column::Id.eq(INDEX_ROW));
    if update.exec(txn).await?.rows_affected == 0 {
        let first = ActiveModel { id: Set(INDEX_ROW), last: Set(1) };
        Entity::insert(first).exec_without_returning(txn).await?;
    }
    Ok(())
}
