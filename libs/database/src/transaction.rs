//! Write transactions.

use std::time::Duration;

use fenz_core::Error;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::{DbError, error::is_lost_race};

/// Tries of a transaction that lost against another.
const ATTEMPTS: u32 = 10;

/// Runs a unit of work in a write transaction and commits it; tries again when
/// it lost against another. The work must be repeatable: nothing outside the
/// transaction may change in it.
///
/// # Errors
/// What the work says; nothing is stored then.
pub async fn transact<T, F, W>(db: &DatabaseConnection, work: W) -> Result<T, Error>
where
    W: Fn(Txn) -> F,
    F: Future<Output = Result<T, Error>>,
{
    let mut attempt = 1;
    loop {
        let outcome = try_once(db, &work).await;
        match outcome {
            Err(error) if attempt < ATTEMPTS && is_lost_race(&error) => {
                attempt += 1;
                // Longer each time, and never in step with the others.
                let pause = rand::random_range(1..=5u64 << attempt.min(8));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
}

/// A transaction as [`transact`] hands it out; give it back by dropping it.
pub type Txn = std::sync::Arc<DatabaseTransaction>;

async fn try_once<T, F: Future<Output = Result<T, Error>>>(
    db: &DatabaseConnection,
    work: impl Fn(Txn) -> F,
) -> Result<T, Error> {
    let txn = Txn::new(begin(db).await?);
    let result = work(txn.clone()).await;
    let txn = std::sync::Arc::into_inner(txn)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("the work kept its transaction")))?;
    match result {
        Ok(value) => {
            txn.commit().await.map_err(DbError::from)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = txn.rollback().await {
                tracing::warn!(error = %rollback, "rollback failed");
            }
            Err(error)
        }
    }
}

/// In a task of its own: a caller that goes away between the statement and its
/// answer would give the connection back with a transaction that nobody knows
/// to be open.
async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbError> {
    let (db, options) = (db.clone(), options(db.get_database_backend()));
    tokio::spawn(async move { db.begin_with_options(options).await })
        .await
        .unwrap_or_else(|error| Err(DbErr::Custom(format!("a transaction could not begin: {error}"))))
        .map_err(DbError::from)
}

fn options(backend: DbBackend) -> TransactionOptions {
    match backend {
        DbBackend::Sqlite => TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        },
        _ => {
            TransactionOptions { isolation_level: Some(IsolationLevel::ReadCommitted), ..TransactionOptions::default() }
        }
    }
}
