//! A PostgreSQL database for each service, and what PostgreSQL counts there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, sqlx::postgres::PgPoolCopyExt};
use tokio::runtime::Runtime;

use crate::{measure::say, process};

/// Databases that are there, with the address of their server.
static MADE: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
/// Bytes that are copied into a table at a time.
const CHUNK: usize = 1 << 20;
/// A connection reports what it did once a second.
const REPORTED: Duration = Duration::from_millis(1_500);

/// Gone when this is dropped.
pub struct Databases {
    runtime: Arc<Runtime>,
    server: String,
    admin: DatabaseConnection,
    names: BTreeMap<&'static str, String>,
}

impl Databases {
    /// On the server of this database's URL.
    pub fn new(runtime: Arc<Runtime>, server: &str) -> Result<Self> {
        let admin = runtime.block_on(Database::connect(server))?;
        Ok(Self { runtime, server: server.to_owned(), admin, names: BTreeMap::new() })
    }

    /// Makes a service's; its URL.
    pub fn create(&mut self, service: &'static str, name: String) -> Result<String> {
        made().insert(name.clone(), self.server.clone());
        self.runtime.block_on(self.admin.execute_unprepared(&format!("CREATE DATABASE {name}")))?;
        self.names.insert(service, name);
        self.url(service)
    }

    fn url(&self, service: &str) -> Result<String> {
        let (server, _) = self.server.rsplit_once('/').context("a database URL ends with a name")?;
        Ok(format!("{server}/{}", self.names[service]))
    }

    /// Runs statements on a service's database.
    pub fn run(&self, service: &str, statements: &[String]) -> Result<()> {
        self.runtime.block_on(async {
            let db = Database::connect(self.url(service)?).await?;
            for statement in statements {
                db.execute_unprepared(statement).await.with_context(|| statement.clone())?;
            }
            Ok(db.close().await?)
        })
    }

    /// Copies rows into a table of a service's: `table (column, …)`, each row its
    /// values between tabs.
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

    /// The one number that a query of a service's database gives.
    pub fn number(&self, service: &str, query: &str) -> Result<f64> {
        self.runtime.block_on(async {
            let db = Database::connect(self.url(service)?).await?;
            let number = ask(&db, query).await?;
            db.close().await?;
            Ok(number)
        })
    }

    /// How many transactions a service has committed; a statement of its own is
    /// one too.
    pub fn commits(&self, service: &str) -> Result<f64> {
        thread::sleep(REPORTED);
        let name = &self.names[service];
        let query = format!("SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = '{name}'");
        self.runtime.block_on(ask(&self.admin, &query))
    }
}

async fn ask(db: &DatabaseConnection, query: &str) -> Result<f64> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await?;
    Ok(row.with_context(|| format!("no row: {query}"))?.try_get_by_index(0)?)
}

impl Drop for Databases {
    fn drop(&mut self) {
        // Else it is done where the signal is.
        if process::may_start() {
            self.runtime.block_on(drop_all(self.names.values()));
        }
    }
}

/// Drops all that are there.
pub async fn clear() {
    let names: Vec<String> = made().keys().cloned().collect();
    drop_all(names.iter()).await;
}

async fn drop_all(names: impl Iterator<Item = &String>) {
    for name in names {
        let Some(server) = made().remove(name) else { continue };
        let dropped = async {
            let admin = Database::connect(&server).await?;
            admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            admin.close().await
        };
        if let Err(error) = dropped.await {
            say(format_args!("{name} is left over: {error}"));
        }
    }
}

fn made() -> std::sync::MutexGuard<'static, BTreeMap<String, String>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}
