//! A database of its own for each service of each test.

use std::path::Path;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database as Connector};

use crate::Server;

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
        let unique = format!("t_{name}_{:016x}", rand::random::<u64>());
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
