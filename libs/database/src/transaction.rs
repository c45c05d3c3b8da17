//! Transactions.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use fenz_core::Error;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use crate::{DbError, error::is_lost_race};

/// After a transaction has lost against another: longer each time, and never in
/// step with the others.
const RETRIES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(5))
    .with_max_delay(Duration::from_millis(640))
    .with_max_times(9)
    .with_jitter();

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
    (|| run(db, write_options(db.get_database_backend()), &work)).retry(RETRIES).when(is_lost_race).await
}

/// Runs reads that see the database as of one moment, whatever others commit
/// meanwhile. They cannot write.
///
/// # Errors
/// What the work says.
pub async fn snapshot<T, E: From<DbError>, F: Future<Output = Result<T, E>>>(
    db: &DatabaseConnection,
    work: impl FnOnce(Txn) -> F,
) -> Result<T, E> {
    run(db, read_options(db.get_database_backend()), work).await
}

/// A transaction as [`transact`] and [`snapshot`] hand it out; give it back by
/// dropping it.
pub type Txn = Arc<Transaction>;

/// An open transaction, and what has to happen once it is committed.
pub struct Transaction {
    inner: DatabaseTransaction,
    after_commit: Mutex<Vec<AfterCommit>>,
}

type AfterCommit = Box<dyn FnOnce() + Send>;

impl Transaction {
    /// Runs `notify` after the commit, and not at all without one. It must be quick
    /// and cannot fail: a process that ends in between never runs it.
    pub fn after_commit(&self, notify: impl FnOnce() + Send + 'static) {
        self.after_commit.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(notify));
    }

    /// In a task of its own: for a caller that goes away meanwhile the commit may still
    /// take place, and then somebody waits for the notification.
    async fn commit(self) -> Result<(), DbErr> {
        let commit = async move {
            self.inner.commit().await?;
            for notify in self.after_commit.into_inner().unwrap_or_else(PoisonError::into_inner) {
                notify();
            }
            Ok(())
        };
        tokio::spawn(commit).await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}

async fn run<T, E: From<DbError>, F: Future<Output = Result<T, E>>>(
    db: &DatabaseConnection,
    options: TransactionOptions,
    work: impl FnOnce(Txn) -> F,
) -> Result<T, E> {
    let txn = Txn::new(Transaction { inner: begin(db, options).await?, after_commit: Mutex::default() });
    let result = work(txn.clone()).await;
    let txn =
        Arc::into_inner(txn).ok_or_else(|| DbError::from(DbErr::Custom("the work kept its transaction".to_owned())))?;
    match result {
        Ok(value) => {
            txn.commit().await.map_err(DbError::from)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = txn.inner.rollback().await {
                tracing::warn!(error = %rollback, "rollback failed");
            }
            Err(error)
        }
    }
}

/// In a task of its own: a caller that goes away between the statement and its
/// answer would give the connection back with a transaction that nobody knows
/// to be open.
async fn begin(db: &DatabaseConnection, options: TransactionOptions) -> Result<DatabaseTransaction, DbError> {
    let db = db.clone();
    tokio::spawn(async move { db.begin_with_options(options).await })
        .await
        .unwrap_or_else(|error| Err(DbErr::Custom(format!("a transaction could not begin: {error}"))))
        .map_err(DbError::from)
}

fn write_options(backend: DbBackend) -> TransactionOptions {
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

fn read_options(backend: DbBackend) -> TransactionOptions {
    match backend {
        // Every transaction reads as of its first read.
        DbBackend::Sqlite => TransactionOptions::default(),
        _ => TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        },
    }
}
