//! One code for SQLite, PostgreSQL and MySQL/MariaDB.

pub mod schema;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
    sea_query::{Alias, ColumnDef, IntoIden},
    sqlx,
};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use serde::{Deserialize, Serialize};

use crate::{Error, Secret};

/// `FENZ_DATABASE__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite://path`, `postgres://user:password@host/name` or
    /// `mysql://user:password@host/name`.
    pub url: Secret,
    /// PostgreSQL: the schema that the tables are in; it must exist.
    pub schema: Option<String>,
    pub max_connections: u32,
    /// Kept open when idle, at most.
    pub min_connections: u32,
    #[serde(with = "humantime_serde")]
    pub max_lifetime: Duration,
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            schema: None,
            max_connections: 100,
            min_connections: 0,
            max_lifetime: Duration::from_secs(3600),
            acquire_timeout: Duration::from_secs(5),
        }
    }
}

/// SQLite has one writer; more connections than this only cost memory.
const SQLITE_CONNECTIONS: u32 = 4;
/// Tries of a transaction that lost against another.
const ATTEMPTS: u32 = 10;

/// Connects, and finds out at once when the database does not answer.
pub async fn connect(settings: &DatabaseSettings) -> Result<DatabaseConnection> {
    let url = settings.url.expose();
    // sea-orm would name another one with its password.
    if !["sqlite:", "postgres:", "postgresql:", "mysql:"].iter().any(|scheme| url.starts_with(scheme)) {
        bail!("FENZ_DATABASE__URL should be sqlite://…, postgres://… or mysql://…");
    }
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .max_lifetime(settings.max_lifetime)
        .acquire_timeout(settings.acquire_timeout)
        .connect_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .sqlx_logging(false);
    if let Some(schema) = &settings.schema {
        options.set_schema_search_path(schema);
    }
    if url.starts_with("sqlite:") {
        options.max_connections(settings.max_connections.min(SQLITE_CONNECTIONS));
        options.map_sqlx_sqlite_opts(|sqlite| {
            use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
            sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was acknowledged survives a loss of power.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(true)
                .pragma("cache_size", "-2000")
        });
    }
    Database::connect(options)
        .await
        .with_context(|| format!("the database at {} does not answer (FENZ_DATABASE__URL)", place(url)))
}

/// A database's URL without what is secret: a password, with an `@` in it
/// perhaps, may be before the host or among the options.
fn place(url: &str) -> &str {
    let (place, options) = url.split_once('?').unwrap_or((url, ""));
    if options.contains('@') {
        // Which of the two it is cannot be told.
        return "its address";
    }
    place.rsplit_once('@').map_or(place, |(_, place)| place)
}

/// Brings the schema up to date; replicas that start together wait for each
/// other.
pub async fn migrate<M: MigratorTrait>(db: &DatabaseConnection, service: &str) -> Result<()> {
    // The lock lives on one connection while the migrations run on another.
    let lock = db.begin().await?;
    let (take, release) = match db.get_database_backend() {
        DbBackend::Postgres => (format!("SELECT pg_advisory_xact_lock(hashtext('fenz-{service}'))"), None),
        DbBackend::MySql => (
            format!("SELECT GET_LOCK(CONCAT(DATABASE(), '-fenz-{service}'), 120)"),
            Some(format!("SELECT RELEASE_LOCK(CONCAT(DATABASE(), '-fenz-{service}'))")),
        ),
        // One process has the file.
        _ => (String::from("SELECT 1"), None),
    };
    let run = |sql: String| Statement::from_string(db.get_database_backend(), sql);
    lock.query_one_raw(run(take)).await?;
    let migrated = M::up(db, None).await;
    if let Some(release) = release {
        lock.query_one_raw(run(release)).await?;
    }
    lock.commit().await?;
    migrated.context("the migrations failed")
}

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
            Err(error) if attempt < ATTEMPTS && error.is_lost_race() => {
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
            txn.commit().await?;
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
async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let (db, options) = (db.clone(), options(db.get_database_backend()));
    tokio::spawn(async move { db.begin_with_options(options).await })
        .await
        .unwrap_or_else(|error| Err(DbErr::Custom(format!("a transaction could not begin: {error}"))))
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

impl Error {
    /// Whether a write failed because such a row exists.
    pub fn is_duplicate(&self) -> bool {
        self.database_error().is_some_and(is_duplicate)
    }

    /// Whether the database chose another transaction over this one.
    fn is_lost_race(&self) -> bool {
        let Some(error) = self.database_error().and_then(sqlx_error).and_then(|e| e.as_database_error()) else {
            return false;
        };
        // MySQL's lock wait timeout is a general error by its SQLSTATE.
        if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return [1205, 1213].contains(&error.number());
        }
        // PostgreSQL: serialization failure, deadlock. SQLite: busy, busy snapshot, locked.
        error.code().is_some_and(|code| ["40001", "40P01", "5", "517", "6"].contains(&code.as_ref()))
    }
}

/// What the database calls the error: SQLSTATE, or SQLite's number.
pub fn database_code(error: &DbErr) -> Option<String> {
    sqlx_error(error)?.as_database_error()?.code().map(|c| c.to_string())
}

/// Whether the database does not answer, or ended the connection.
pub(crate) fn is_away(error: &DbErr) -> bool {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    match sqlx_error(error) {
        Some(Io(_) | Tls(_) | Protocol(_) | WorkerCrashed | PoolTimedOut | PoolClosed) => true,
        // SQLSTATE: connection exception, shutdown. SQLite's numbers are shorter.
        _ => database_code(error)
            .is_some_and(|code| code.len() == 5 && (code.starts_with("08") || code.starts_with("57P0"))),
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// A column of a point in time, to the microsecond on all three databases.
pub fn timestamp(manager: &SchemaManager, name: impl IntoIden) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match manager.get_database_backend() {
        DbBackend::MySql => column.custom(Alias::new("datetime(6)")),
        _ => column.timestamp_with_time_zone(),
    };
    column
}

/// What to store in such a column, or hold against it, where the time may lie far
/// ahead. MariaDB gets it without its zone: with one it goes as a TIMESTAMP, which
/// ends in 2038, and what lies beyond becomes NULL.
pub fn far_time(db: &impl ConnectionTrait, at: Option<DateTime<Utc>>) -> Value {
    match db.get_database_backend() {
        DbBackend::MySql => at.map(|at| at.naive_utc()).into(),
        _ => at.into(),
    }
}

/// Whether a write failed because such a row exists.
pub fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn a_database_is_named_without_its_secrets() {
        for (url, told) in [
            ("postgres://h/db", "postgres://h/db"),
            ("postgres://u:p@ss@h/db", "h/db"),
            ("postgres://u:p@h/db?sslmode=disable&password=p", "h/db"),
            ("postgres://h/db?user=u&password=p@ss", "its address"),
            ("postgres://u:p?ss@h/db", "its address"),
        ] {
            assert_eq!(place(url), told);
        }
    }

    #[test]
    fn a_lost_connection_is_not_our_fault() {
        let reason = |error: sqlx::Error| Error::from(DbErr::Exec(RuntimeErr::SqlxError(error.into()))).reason;
        assert_eq!(reason(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Reason::Unavailable);
        assert_eq!(reason(sqlx::Error::PoolTimedOut), Reason::Unavailable);
        assert_eq!(reason(sqlx::Error::RowNotFound), Reason::Internal);
    }
}
