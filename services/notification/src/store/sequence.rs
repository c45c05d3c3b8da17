//! The order of everything that is projected.

pub use fenz_database::sequence::{last, next_in_txn};

use fenz_core::UserId;
use fenz_database::{DbError, sequence::ROW};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::domain::{KindSet, Reader, Seq};

/// The last position and a user's reader, in one query.
pub async fn last_and_reader(db: &impl ConnectionTrait, user: UserId) -> Result<(Seq, Reader), DbError> {
    let query = Query::select()
        .column(("sequence", "last"))
        .columns([("readers", "watermark"), ("readers", "wanted"), ("readers", "version")])
        .from("sequence")
        .left_join("readers", Expr::col(("readers", "user_id")).eq(user.0))
        .and_where(Expr::col(("sequence", "id")).eq(ROW))
        .to_owned();
    let row = db.query_one(&query).await?.ok_or_else(|| DbError::malformed("the sequence".to_owned()))?;
    let (last, watermark): (Seq, Option<Seq>) = (row.try_get("", "last")?, row.try_get("", "watermark")?);
    let Some(watermark) = watermark else { return Ok((last, Reader::default())) };
    let enabled = KindSet::from_bits(row.try_get("", "wanted")?);
    Ok((last, Reader { watermark, enabled, version: row.try_get("", "version")? }))
}
