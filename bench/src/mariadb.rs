//! A MariaDB database, for what the original design asked of one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use fenz_core::Random;
use futures::future::try_join_all;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use tokio::runtime::Runtime;

use crate::{
    fleet::{self, Databases},
    measure::progress,
};

/// As many as those of the load on our side.
const CONNECTIONS: u32 = 20;
const ROWS_PER_INSERT: usize = 1_000;
/// Ordering half a million rows by 20 connections at once takes its time.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(300);
/// The test server is small by default. The whole catalogue fits into this pool, a
/// log of this size does not hold up large transactions, and what a query orders
/// stays in memory.
const SETTINGS: [(&str, u64); 4] = [
    ("innodb_buffer_pool_size", 3 << 30),
    ("innodb_log_file_size", 1 << 30),
    ("tmp_table_size", 256 << 20),
    ("max_heap_table_size", 256 << 20),
];

pub struct MariaDb {
    // Fields are in drop order.
    db: DatabaseConnection,
    _databases: Databases,
    _settings: ServerSettings,
    runtime: Arc<Runtime>,
}

impl MariaDb {
    /// A database that is dropped with this value.
    pub fn create(runtime: Arc<Runtime>, name: &'static str) -> Result<Self> {
        let server = fleet::mariadb()?;
        // Before any connection of the pool: some apply to new connections only.
        let settings = ServerSettings::change(runtime.clone(), &server)?;
        let mut databases = Databases::new(runtime.clone(), &server)?;
        let unique = Random::default().value::<u32>();
        let mut options = ConnectOptions::new(databases.create(name, format!("bench_{name}_{unique:08x}"))?);
        options.max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
        let db = runtime.block_on(Database::connect(options))?;
        Ok(Self { db, _databases: databases, _settings: settings, runtime })
    }

    /// Returns its duration.
    pub fn run(&self, statement: &str) -> Result<Duration> {
        let begun = Instant::now();
        let done = self.runtime.block_on(self.db.execute_unprepared(statement));
        done.with_context(|| statement.chars().take(200).collect::<String>())?;
        Ok(begun.elapsed())
    }

    /// Inserts rows of comma-separated literals into `table (column, …)`.
    pub fn insert(&self, into: &str, rows: impl Iterator<Item = String>) -> Result<()> {
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let values: Vec<String> = rows.by_ref().take(ROWS_PER_INSERT).map(|row| format!("({row})")).collect();
            self.run(&format!("INSERT INTO {into} VALUES {}", values.join(",")))?;
        }
        Ok(())
    }

    /// Closed loop: every connection sends its next query after the result of the
    /// last, and none after `duration`. `query` makes the n-th query. Returns
    /// queries per second until the last result.
    pub fn closed_loop(&self, duration: Duration, query: impl Fn(usize) -> String) -> Result<f64> {
        let (begun, next, found) = (Instant::now(), AtomicUsize::new(0), AtomicUsize::new(0));
        let connection = async || {
            while begun.elapsed() < duration {
                let text = query(next.fetch_add(1, Ordering::Relaxed));
                let rows = self.db.query_all_raw(Statement::from_string(DbBackend::MySql, text)).await?;
                found.fetch_add(rows.len(), Ordering::Relaxed);
            }
            anyhow::Ok(())
        };
        self.runtime.block_on(try_join_all((0..CONNECTIONS).map(|_| connection())))?;
        ensure!(found.into_inner() > 0, "no query found anything");
        Ok(next.into_inner() as f64 / begun.elapsed().as_secs_f64())
    }
}

/// The server's settings, restored on drop.
struct ServerSettings {
    runtime: Arc<Runtime>,
    server: DatabaseConnection,
    before: Vec<(&'static str, u64)>,
}

impl ServerSettings {
    fn change(runtime: Arc<Runtime>, url: &str) -> Result<Self> {
        let server = runtime.block_on(Database::connect(url))?;
        let mut settings = Self { runtime, server, before: Vec::new() };
        for (name, value) in SETTINGS {
            let before = settings.get(name)?;
            settings.set(name, value)?;
            settings.before.push((name, before));
        }
        Ok(settings)
    }

    fn get(&self, name: &str) -> Result<u64> {
        let query = Statement::from_string(DbBackend::MySql, format!("SELECT @@global.{name}"));
        let row = self.runtime.block_on(self.server.query_one_raw(query))?.context("a row")?;
        Ok(row.try_get_by_index(0)?)
    }

    fn set(&self, name: &str, value: u64) -> Result<()> {
        self.runtime.block_on(self.server.execute_unprepared(&format!("SET GLOBAL {name} = {value}")))?;
        Ok(())
    }
}

impl Drop for ServerSettings {
    fn drop(&mut self) {
        for (name, before) in &self.before {
            if let Err(error) = self.set(name, *before) {
                progress(format_args!("MariaDB's {name} was not restored: {error}"));
            }
        }
    }
}
