//! The total order of everything that is projected.
//!
//! The row stays locked from taking a position until that transaction commits, so
//! positions become visible in order: whoever has read a position has read all before
//! it. A row rather than a single leased consumer: any replica may project, and none
//! waits for a lease.

use fenz_database::DbError;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};

use super::entity::sequence::{Column, Entity};
use crate::domain::{KindSet, Reader, Seq};

const ROW: i32 = 1;

/// Takes the next position; other transactions wait until this one ends.
pub async fn next_in_txn(txn: &impl ConnectionTrait) -> Result<Seq, DbError> {
    let next = Expr::col(Column::Last).add(1);
    Entity::update_many().col_expr(Column::Last, next).filter(Column::Id.eq(ROW)).exec(txn).await?;
    last(txn).await
}

/// The last position that was taken.
pub async fn last(db: &impl ConnectionTrait) -> Result<Seq, DbError> {
    let row = Entity::find_by_id(ROW).one(db).await?;
    row.map(|row| row.last).ok_or_else(|| DbError::malformed("the sequence".to_owned()))
}

/// The last position and a user's reader, in one query.
pub async fn last_and_reader(db: &impl ConnectionTrait, user: i64) -> Result<(Seq, Reader), DbError> {
    let query = Query::select()
        .column(("sequence", "last"))
        .columns([("readers", "watermark"), ("readers", "wanted"), ("readers", "version")])
        .from("sequence")
        .left_join("readers", Expr::col(("readers", "user_id")).eq(user))
        .and_where(Expr::col(("sequence", "id")).eq(ROW))
        .to_owned();
    let row = db.query_one(&query).await?.ok_or_else(|| DbError::malformed("the sequence".to_owned()))?;
    let (last, watermark): (Seq, Option<Seq>) = (row.try_get("", "last")?, row.try_get("", "watermark")?);
    let Some(watermark) = watermark else { return Ok((last, Reader::default())) };
    let enabled = KindSet::from_bits(row.try_get("", "wanted")?);
    Ok((last, Reader { watermark, enabled, version: row.try_get("", "version")? }))
}
