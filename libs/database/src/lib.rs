//! SQLite, PostgreSQL and MySQL/MariaDB with one code: connections, migrations,
//! write transactions, and what the three differ in.

mod connection;
mod error;
mod requirement;
pub mod schema;
mod transaction;
mod value;

pub use connection::{DatabaseSettings, connect, migrate};
pub use error::{DbError, cause, is_duplicate};
pub use requirement::{Database, NoMigrations};
pub use transaction::{Txn, transact};
pub use value::timestamp_value;
