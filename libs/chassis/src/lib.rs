//! What every service shares to be a service: settings, telemetry, server,
//! identity, errors, database, object store, clients, lifecycle.

pub mod clock;
mod command;
pub mod database;
pub mod error;
pub mod identity;
pub mod ids;
pub mod if_match;
mod lifecycle;
pub mod media_url;
pub mod ops;
pub mod page;
pub mod peers;
pub mod redis;
pub mod request;
pub mod rest;
pub mod server;
pub mod settings;
pub mod shared;
pub mod store;
pub mod telemetry;

pub use clock::Clock;
pub use command::{OwnCommand, run, run_with};
pub use error::Error;
pub use fenz_contract::ErrorReason as Reason;
pub use identity::{Caller, Role, User, UserId};
pub use ids::IdMaker;
pub use lifecycle::{
    Launched, Needs, NoMigrations, Platform, Process, Service, Surface, check, connect, finish, prepare, serve_ops,
    start,
};
pub use settings::{Secret, Settings};
pub use shared::Shared;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;
