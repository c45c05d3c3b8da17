//! A database of its own for each service of each test.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use fenz_core::Random;
use sea_orm::{
    ConnectionTrait, Database as Connector, DatabaseConnection, Statement,
    sea_query::{Expr, ExprTrait, Query},
};
use tokio::sync::Mutex;

use crate::{Sandbox, Server, eventually};

/// Of a test, to the databases of services.
pub(crate) type Connections = Mutex<BTreeMap<String, DatabaseConnection>>;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

impl Database {
    /// SQLite, and those whose server runs.
    ///
    /// # Panics
    /// When a server is required and does not run.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self::Sqlite];
        all.extend(Server::Postgres.url().map(|_| Self::Postgres));
        all.extend(Server::MariaDb.url().map(|_| Self::MariaDb));
        all
    }

    /// PostgreSQL where there is one, as a fleet has; SQLite otherwise.
    pub fn of_a_fleet() -> Self {
        if Server::Postgres.url().is_some() { Self::Postgres } else { Self::Sqlite }
    }

    /// Makes an empty database and gives its URL.
    pub async fn create(self, folder: &Path, name: &str) -> Result<String> {
        let unique = format!("t_{name}_{:016x}", Random::default().value::<u64>());
        let (server, sql) = match self {
            Self::Sqlite => {
                return Ok(format!("sqlite://{}?mode=rwc", folder.join(name).with_extension("db").display()));
            }
            Self::Postgres => (Server::Postgres, format!("CREATE DATABASE {unique}")),
            Self::MariaDb => {
                (Server::MariaDb, format!("CREATE DATABASE {unique} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"))
            }
        };
        let url = server.url().with_context(|| format!("{server:?} does not run"))?;
        let admin = Connector::connect(&url).await?;
        admin.execute_unprepared(&sql).await?;
        admin.close().await?;
        let (server, _) = url.rsplit_once('/').context("a database URL ends with a name")?;
        Ok(format!("{server}/{unique}"))
    }
}

impl Sandbox {
    /// A connection to the database of a service. It stays open, for tests that
    /// poll.
    ///
    /// # Panics
    /// When the service was not started.
    pub async fn database(&self, service: &str) -> DatabaseConnection {
        let mut connections = self.connections.lock().await;
        if let Some(connection) = connections.get(service) {
            return connection.clone();
        }
        let url = self.database_url(service).expect("the service runs");
        let connection = Connector::connect(url).await.expect("a connection");
        connections.insert(service.to_owned(), connection.clone());
        connection
    }

    /// Waits until a service has run the background jobs that are due.
    ///
    /// # Panics
    /// When they do not end in time.
    pub async fn jobs_done(&self, service: &str) {
        let db = self.database(service).await;
        let is_due = Expr::col("run_at").lte(self.process.clock.now());
        let left =
            Query::select().column("id").from("jobs").and_where(is_due.or(Expr::col("claim").is_not_null())).to_owned();
        eventually(async || db.query_all(&left).await.expect("the table of jobs").is_empty()).await;
    }

    /// Executes a statement in the database of a service.
    ///
    /// # Panics
    /// When it fails.
    pub async fn execute(&self, service: &str, sql: &str) {
        self.database(service).await.execute_unprepared(sql).await.expect("the statement works");
    }

    /// The number of rows in a table of a service, with a condition if wanted:
    /// `videos WHERE id = 1`.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn count(&self, service: &str, table: &str) -> i64 {
        let db = self.database(service).await;
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("a count");
        row.expect("a row").try_get("", "n").expect("a number")
    }
}
