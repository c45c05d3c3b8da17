//! Inserts of rows whose primary key may exist, the same on every database.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn,
    sea_query::{Expr, ExprTrait, Func, OnConflict},
};

use crate::DbError;

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
type PrimaryKey<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey;

/// Inserts rows. Those whose key exists stay as they are; whether they are locked
/// depends on the database.
///
/// # Errors
/// What the database says.
pub async fn insert_absent<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    rows: impl Into<Vec<A>>,
) -> Result<(), DbError> {
    insert(db, rows, on_key::<A>().do_nothing_on(key::<A>()).to_owned()).await
}

/// Inserts a row unless its key exists, and locks the stored one until the
/// transaction ends.
///
/// # Errors
/// What the database says.
pub async fn insert_or_lock_in_txn<A: ActiveModelTrait>(txn: &impl ConnectionTrait, row: A) -> Result<(), DbError> {
    // On PostgreSQL only an update locks.
    insert(txn, [row], on_key::<A>().update_columns(key::<A>().take(1)).to_owned()).await
}

/// Inserts rows, or replaces those that exist: the columns that are set in the
/// first row. Keys must be distinct.
///
/// # Errors
/// What the database says.
pub async fn upsert<A: ActiveModelTrait>(db: &impl ConnectionTrait, rows: impl Into<Vec<A>>) -> Result<(), DbError> {
    let rows = rows.into();
    let Some(first) = rows.first() else { return Ok(()) };
    let columns = set_columns(first);
    insert(db, rows, on_key::<A>().update_columns(columns).to_owned()).await
}

/// Inserts a row, or replaces the stored one if that has a lower version, and
/// locks it until the transaction ends. Of concurrent writers the one with the
/// highest version wins.
///
/// # Errors
/// What the database says.
pub async fn upsert_newer<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    row: A,
    version: Column<A>,
) -> Result<(), DbError> {
    let stored = |column: Column<A>| Expr::col((A::Entity::default(), column));
    let mut newer = on_key::<A>();
    if db.get_database_backend() == DbBackend::MySql {
        // It has no condition for the whole row. Assignments take effect from left
        // to right, so the version, which they all compare, comes last.
        let given = |column: Column<A>| Expr::from(Func::cust("VALUES").arg(Expr::col(column)));
        let is_newer = given(version).gt(stored(version));
        let others = set_columns(&row).into_iter().filter(|column| column.as_str() != version.as_str());
        for column in others.chain([version]) {
            newer.value(column, Expr::case(is_newer.clone(), given(column)).finally(stored(column)));
        }
    } else {
        newer.update_columns(set_columns(&row));
        newer.action_and_where(Expr::col(("excluded", version)).gt(stored(version)));
    }
    insert(db, [row], newer).await
}

async fn insert<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    rows: impl Into<Vec<A>>,
    on_conflict: OnConflict,
) -> Result<(), DbError> {
    A::Entity::insert_many(rows.into()).on_conflict(on_conflict).exec_without_returning(db).await?;
    Ok(())
}

fn on_key<A: ActiveModelTrait>() -> OnConflict {
    OnConflict::columns(key::<A>())
}

fn key<A: ActiveModelTrait>() -> impl Iterator<Item = Column<A>> {
    PrimaryKey::<A>::iter().map(PrimaryKeyToColumn::into_column)
}

/// The columns outside the key that have a value.
fn set_columns<A: ActiveModelTrait>(row: &A) -> Vec<Column<A>> {
    let is_set = |column: &Column<A>| !row.is_not_set(*column) && PrimaryKey::<A>::from_column(*column).is_none();
    Column::<A>::iter().filter(is_set).collect()
}
