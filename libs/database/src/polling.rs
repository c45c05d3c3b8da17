//! How often a service looks for what other processes wrote into its database.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend};

/// Where only an operator's command may write beside the process.
const ALONE: Duration = Duration::from_secs(10);

/// The interval of a poll that finds what other replicas wrote; what the process itself
/// writes wakes it by [`Transaction::after_commit`](crate::Transaction::after_commit).
/// A SQLite file belongs to one process, which is at rest while nobody calls it.
#[must_use]
pub fn poll_interval(db: &impl ConnectionTrait, of_a_fleet: Duration) -> Duration {
    if db.get_database_backend() == DbBackend::Sqlite { of_a_fleet.max(ALONE) } else { of_a_fleet }
}
