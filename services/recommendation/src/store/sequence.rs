//! The one order of all changes.
//!
//! The row stays locked from the moment a number is taken until that transaction
//! commits, so numbers become visible in order: whoever reads a number can read
//! all changes before it. Replicas and caches catch up by it.

use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::entity::sequence::{ActiveModel, Column, Entity};
use crate::domain::Seq;

const ROW: i32 = 1;
/// The generation of the search index.
const INDEX_ROW: i32 = 2;

/// Takes the next number; others wait until the transaction ends.
pub async fn next_in_txn(txn: &impl ConnectionTrait) -> Result<Seq, DbError> {
    let next = Expr::col(Column::Last).add(1);
    Entity::update_many().col_expr(Column::Last, next).filter(Column::Id.eq(ROW)).exec(txn).await?;
    last(txn).await
}

/// The last number that was taken.
pub async fn last(db: &impl ConnectionTrait) -> Result<Seq, DbError> {
    let row = Entity::find_by_id(ROW).one(db).await?;
    row.map(|row| row.last).ok_or_else(|| DbError::malformed("the sequence".to_owned()))
}

/// The last number that was taken, and the generation of the search index.
pub async fn last_with_index_generation(db: &impl ConnectionTrait) -> Result<(Seq, i64), DbError> {
    let rows = Entity::find().filter(Column::Id.is_in([ROW, INDEX_ROW])).all(db).await?;
    let of = |id| rows.iter().find(|row| row.id == id).map(|row| row.last);
    let last = of(ROW).ok_or_else(|| DbError::malformed("the sequence".to_owned()))?;
    Ok((last, of(INDEX_ROW).unwrap_or_default()))
}

/// Starts a new generation: every replica rebuilds its search index.
pub async fn next_index_generation_in_txn(txn: &impl ConnectionTrait) -> Result<(), DbError> {
    let next = Expr::col(Column::Last).add(1);
    let update = Entity::update_many().col_expr(Column::Last, next).filter(Column::Id.eq(INDEX_ROW));
    if update.exec(txn).await?.rows_affected == 0 {
        let first = ActiveModel { id: Set(INDEX_ROW), last: Set(1) };
        Entity::insert(first).exec_without_returning(txn).await?;
    }
    Ok(())
}
