//! A sequence of numbers in the order of the commits that took them.
//!
//! Its row stays locked from taking a number until that transaction commits, so
//! numbers become visible in order: whoever has read a number can read all changes
//! before it. A row rather than a single leased writer: any replica may write, and
//! none waits for a lease.

use sea_orm::{
    entity::prelude::*,
    sea_query::{ExprTrait, Query, Table},
};

use crate::{
    DbError,
    schema::{self, Step, big, number, rows},
};

/// The last number that was taken.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sequence")]
pub struct Model {
    /// [`ROW`]; a service may keep other counters beside it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub last: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub const ROW: i32 = 1;

/// The step that makes the table.
pub fn table(name: &'static str) -> Step {
    schema::table(name, |_| {
        Table::create().table("sequence").col(number("id").primary_key()).col(big("last")).to_owned()
    })
}

/// The step that inserts the row.
pub fn seed(name: &'static str) -> Step {
    rows(name, || {
        Query::insert()
            .into_table("sequence")
            .columns(["id", "last"])
            .values_panic([ROW.into(), 0_i64.into()])
            .to_owned()
    })
}

/// Takes the next number; other transactions wait until this one ends.
///
/// # Errors
/// What the database says.
pub async fn next_in_txn(txn: &impl ConnectionTrait) -> Result<i64, DbError> {
    take_in_txn(txn, 1).await
}

/// Takes this many numbers; returns the first. As [`next_in_txn`].
///
/// # Errors
/// What the database says.
pub async fn take_in_txn(txn: &impl ConnectionTrait, count: i64) -> Result<i64, DbError> {
    let next = Expr::col(Column::Last).add(count);
    Entity::update_many().col_expr(Column::Last, next).filter(Column::Id.eq(ROW)).exec(txn).await?;
    Ok(last(txn).await? + 1 - count)
}

/// The last number that was taken.
///
/// # Errors
/// What the database says.
pub async fn last(db: &impl ConnectionTrait) -> Result<i64, DbError> {
    let row = Entity::find_by_id(ROW).one(db).await?;
    row.map(|row| row.last).ok_or_else(|| DbError::malformed("the sequence has no row"))
}
