//! The order of all changes. Replicas and caches catch up by it.

pub use fenz_database::sequence::{last, next_in_txn};

use fenz_database::{
    DbError,
    sequence::{ActiveModel, Column, Entity, ROW},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use crate::domain::Seq;

/// The generation of the search index.
const INDEX_ROW: i32 = 2;

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
