//! A database of its own for each service of each test.

use std::path::Path;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database as Connector};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

/// Where the servers are; `scripts/test-servers env` prints these.
const POSTGRES: &str = "FENZ_TEST_POSTGRES";
const MARIADB: &str = "FENZ_TEST_MARIADB";

impl Database {
    /// Those that this machine offers: SQLite always, the others when their
    /// server's address is set. `make test` sets both.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self::Sqlite];
        all.extend(std::env::var(POSTGRES).ok().map(|_| Self::Postgres));
        all.extend(std::env::var(MARIADB).ok().map(|_| Self::MariaDb));
        all
    }

    /// PostgreSQL where there is one, as a fleet has; SQLite otherwise.
    pub fn of_a_fleet() -> Self {
        if std::env::var(POSTGRES).is_ok() { Self::Postgres } else { Self::Sqlite }
    }

    /// Makes an empty database and gives its URL.
    pub async fn create(self, folder: &Path, name: &str) -> Result<String> {
        let unique = format!("t_{name}_{:016x}", rand::random::<u64>());
        let (server, sql) = match self {
            Self::Sqlite => {
                return Ok(format!("sqlite://{}?mode=rwc", folder.join(name).with_extension("db").display()));
            }
            Self::Postgres => (POSTGRES, format!("CREATE DATABASE {unique}")),
            Self::MariaDb => (MARIADB, format!("CREATE DATABASE {unique} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")),
        };
        let url = std::env::var(server).with_context(|| format!("{server} is not set"))?;
        let admin = Connector::connect(&url).await?;
        admin.execute_unprepared(&sql).await?;
        admin.close().await?;
        let (server, _) = url.rsplit_once('/').context("a database URL ends with a name")?;
        Ok(format!("{server}/{unique}"))
    }
}
