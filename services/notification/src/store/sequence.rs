//! The one order in which everything is taken in.
//!
//! The row is locked from the moment a place is given out until that
//! transaction has committed, so places become visible in their order: whoever
//! has seen a place has seen all before it. One row instead of one leased
//! ingester: any replica may take in, and none has to wait for a lease.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};

use super::entity::sequence::{Column, Entity};
use crate::domain::{Kinds, Reader, Seq};

const ROW: i32 = 1;

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

/// The last place and a user as a reader, in one question.
pub async fn last_and_reader(db: &impl ConnectionTrait, user: i64) -> Result<(Seq, Reader), DbErr> {
    let query = Query::select()
        .column(("sequence", "last"))
        .columns([("readers", "watermark"), ("readers", "wanted"), ("readers", "version")])
        .from("sequence")
        .left_join("readers", Expr::col(("readers", "user_id")).eq(user))
        .and_where(Expr::col(("sequence", "id")).eq(ROW))
        .to_owned();
    let row = db.query_one(&query).await?.ok_or_else(|| DbErr::RecordNotFound("the sequence".to_owned()))?;
    let (last, watermark): (Seq, Option<Seq>) = (row.try_get("", "last")?, row.try_get("", "watermark")?);
    let Some(watermark) = watermark else { return Ok((last, Reader::default())) };
    let wanted = Kinds::from_bits(row.try_get("", "wanted")?);
    Ok((last, Reader { watermark, wanted, version: row.try_get("", "version")? }))
}
