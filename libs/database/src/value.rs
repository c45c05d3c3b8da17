//! Values that one of the databases stores in another form.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Value};

/// A point in time to store in a column of [`crate::schema::timestamp`], or to
/// compare with one, where it may lie after 2038. MariaDB gets it without its
/// zone: with one it is sent as a TIMESTAMP, which ends in 2038, and later times
/// become NULL.
pub fn timestamp_value(db: &impl ConnectionTrait, at: Option<DateTime<Utc>>) -> Value {
    match db.get_database_backend() {
        DbBackend::MySql => at.map(|at| at.naive_utc()).into(),
        _ => at.into(),
    }
}
