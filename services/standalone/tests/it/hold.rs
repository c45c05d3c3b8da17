//! Stops a service in the middle of its work: a row that it is about to change
//! is locked.

use std::time::Duration;

use fenz_testkit::within;
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait,
};

use crate::platform::Platform;

/// Rows of a service's that nobody else changes until it is dropped.
pub struct Hold {
    pub service: &'static str,
    db: DatabaseConnection,
    locked: DatabaseTransaction,
}

impl Hold {
    /// Locks the rows that a condition names; there must be some.
    pub async fn on(platform: &Platform, service: &'static str, rows: &str) -> Self {
        let db = Database::connect(&platform.databases[service]).await.unwrap();
        let locked = db.begin().await.unwrap();
        let found = locked.query_all_raw(sql(format!("SELECT 1 AS n FROM {rows} FOR UPDATE"))).await.unwrap();
        assert!(!found.is_empty(), "{service} has no {rows}");
        Self { service, db, locked }
    }

    /// Until the service waits for one of the rows.
    pub async fn is_waited_for(&self) {
        let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        within(Duration::from_secs(20), async || count(&self.db, waiting).await > 0).await;
    }

    pub async fn release(self) {
        self.locked.rollback().await.unwrap();
        self.db.close().await.unwrap();
    }
}

/// The number that a query finds.
pub async fn count(db: &DatabaseConnection, query: &str) -> i64 {
    db.query_one_raw(sql(query.to_owned())).await.unwrap().unwrap().try_get("", "n").unwrap()
}

fn sql(text: String) -> Statement {
    Statement::from_string(DbBackend::Postgres, text)
}
