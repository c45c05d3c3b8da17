//! What every service shares to be a service: settings, server, identity,
//! telemetry, clients, start and stop.

mod command;
pub mod identity;
pub mod keyed_counter;
pub mod local;
pub mod media_url;
pub mod ops;
pub mod peers;
mod platform;
mod process;
pub mod request;
mod requirements;
pub mod rest;
pub mod server;
mod service;
pub mod settings;
pub mod shared;
pub mod status;
pub mod telemetry;
pub mod uploads;

pub use command::{Command, Invocation, run};
pub use identity::{AuthKeys, caller_of, require_user};
pub use platform::Platform;
pub use process::{Process, finish, prepare, serve_ops};
pub use requirements::{Requirement, Requirements};
pub use rest::{HttpError, error_response};
pub use service::{Endpoints, Launched, Service, check, connect, start};
pub use settings::{Secret, Settings};
pub use shared::Shared;

/// Of every program: all of them link this crate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
