//! Connecting, and bringing the schema up to date.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use fenz_chassis::Secret;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait, sqlx,
};
use sea_orm_migration::MigratorTrait;
use serde::{Deserialize, Serialize};

use crate::collation;

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
    /// After it a connection is closed, and opened again only when it is needed: the
    /// pool of a service that had much to do shrinks.
    #[serde(with = "humantime_serde")]
    pub max_lifetime: Duration,
    /// How long a call waits for a connection, also while PostgreSQL has too many.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            schema: None,
            max_connections: 20,
            min_connections: 0,
            max_lifetime: Duration::from_secs(300),
            acquire_timeout: Duration::from_secs(5),
        }
    }
}

/// SQLite has one writer; more connections than this only cost memory.
const SQLITE_CONNECTIONS: u32 = 4;
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
    // MySQL's lock gives up with 0 after its time, and large tables take longer to convert.
    while lock.query_one_raw(run(take.clone())).await?.and_then(|row| row.try_get_by_index::<i64>(0).ok()) == Some(0) {
        tracing::info!(service, "another replica is still migrating");
    }
    let migrated = collation::migrate::<M>(db).await;
    if let Some(release) = release {
        lock.query_one_raw(run(release)).await?;
    }
    lock.commit().await?;
    migrated.context("the migrations failed")
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
