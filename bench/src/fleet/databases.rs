//! A database for each service on PostgreSQL, and its statistics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, sqlx::postgres::PgPoolCopyExt};
use tokio::runtime::Runtime;

use crate::{measure::progress, process};

/// The existing databases, with the URL of their server.
static CREATED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
/// Bytes per message of a COPY.
const CHUNK: usize = 1 << 20;
/// PostgreSQL's backends report their statistics once a second.
const STATISTICS_DELAY: Duration = Duration::from_millis(1_500);

/// Dropped with this value.
pub struct Databases {
    runtime: Arc<Runtime>,
    server: String,
    admin: DatabaseConnection,
    names: BTreeMap<&'static str, String>,
}

impl Databases {
    /// `server` is the URL of any database of it.
    pub fn new(runtime: Arc<Runtime>, server: &str) -> Result<Self> {
        let admin = runtime.block_on(Database::connect(server))?;
        Ok(Self { runtime, server: server.to_owned(), admin, names: BTreeMap::new() })
    }

    /// Creates the database of a service, and returns its URL.
    pub fn create(&mut self, service: &'static str, name: String) -> Result<String> {
        created().insert(name.clone(), self.server.clone());
        self.runtime.block_on(self.admin.execute_unprepared(&format!("CREATE DATABASE {name}")))?;
        self.names.insert(service, name);
        self.url(service)
    }

    fn url(&self, service: &str) -> Result<String> {
        let (server, _) = self.server.rsplit_once('/').context("a database URL ends with a name")?;
        Ok(format!("{server}/{}", self.names[service]))
    }

    pub fn run(&self, service: &str, statements: &[String]) -> Result<()> {
        self.runtime.block_on(async {
            let db = Database::connect(self.url(service)?).await?;
            for statement in statements {
                db.execute_unprepared(statement).await.with_context(|| statement.clone())?;
            }
            Ok(db.close().await?)
        })
    }

    /// Copies tab-separated rows into a service's `table (column, …)`.
    pub fn copy(&self, service: &str, into: &str, rows: impl Iterator<Item = String>) -> Result<()> {
        self.runtime.block_on(async {
            let db = Database::connect(self.url(service)?).await?;
            let pool = db.get_postgres_connection_pool();
            let mut copy = pool.copy_in_raw(&format!("COPY {into} FROM STDIN")).await?;
            let mut chunk = String::with_capacity(CHUNK + 4096);
            for row in rows {
                chunk.push_str(&row);
                chunk.push('\n');
                if chunk.len() >= CHUNK {
                    copy.send(chunk.as_bytes()).await?;
                    chunk.clear();
                }
            }
            copy.send(chunk.as_bytes()).await?;
            copy.finish().await.with_context(|| into.to_owned())?;
            Ok(db.close().await?)
        })
    }

    /// The single number that a query returns.
    pub fn number(&self, service: &str, query: &str) -> Result<f64> {
        self.runtime.block_on(async {
            let db = Database::connect(self.url(service)?).await?;
            let number = query_number(&db, query).await?;
            db.close().await?;
            Ok(number)
        })
    }

    /// Transactions that a service has committed, including single statements.
    pub fn commits(&self, service: &str) -> Result<f64> {
        thread::sleep(STATISTICS_DELAY);
        let name = &self.names[service];
        let query = format!("SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = '{name}'");
        self.runtime.block_on(query_number(&self.admin, &query))
    }
}

async fn query_number(db: &DatabaseConnection, query: &str) -> Result<f64> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await?;
    Ok(row.with_context(|| format!("no row: {query}"))?.try_get_by_index(0)?)
}

impl Drop for Databases {
    fn drop(&mut self) {
        // Otherwise the signal handler drops them.
        if process::may_start() {
            self.runtime.block_on(drop_all(self.names.values()));
        }
    }
}

pub async fn drop_databases() {
    let names: Vec<String> = created().keys().cloned().collect();
    drop_all(names.iter()).await;
}

async fn drop_all(names: impl Iterator<Item = &String>) {
    for name in names {
        let Some(server) = created().remove(name) else { continue };
        let result = async {
            let admin = Database::connect(&server).await?;
            // Only PostgreSQL keeps a database that has connections.
            let force = if server.starts_with("postgres") { " WITH (FORCE)" } else { "" };
            admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}{force}")).await?;
            admin.close().await
        };
        if let Err(error) = result.await {
            progress(format_args!("{name} was not dropped: {error}"));
        }
    }
}

fn created() -> std::sync::MutexGuard<'static, BTreeMap<String, String>> {
    CREATED.lock().unwrap_or_else(PoisonError::into_inner)
}
