//! SQLite, PostgreSQL and MySQL/MariaDB with one code: connections, migrations,
//! transactions, upserts, and what the three differ in.

mod collation;
mod connection;
mod error;
mod page;
mod polling;
mod requirement;
mod room;
pub mod schema;
pub mod sequence;
mod transaction;
mod upsert;
mod value;

pub use connection::{DatabaseSettings, connect, migrate};
pub use error::{DbError, cause, is_duplicate};
pub use page::page;
pub use polling::poll_interval;
pub use requirement::{Database, NoMigrations};
pub use room::{Room, room};
pub use transaction::{Transaction, Txn, snapshot, transact};
pub use upsert::{insert_absent, insert_or_lock_in_txn, upsert, upsert_newer};
pub use value::timestamp_value;
