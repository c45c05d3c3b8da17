//! The contract in `proto/`, generated: messages, gRPC, REST, field rules,
//! access rules and the OpenAPI document.

mod channel_state;
pub mod event;
pub mod guard;
pub mod rest;
pub mod routes;
pub mod rules;
mod time;

use std::sync::Arc;

use tonic::service::RoutesBuilder;

/// The packages of `proto/fenzvideo`, e.g. `fenzvideo::content::v1`.
pub mod fenzvideo {
    include!(concat!(env!("OUT_DIR"), "/modules.rs"));
}
pub use fenzvideo::*;

pub use event::Event;
pub use guard::Guard;
pub use routes::Access;
pub use time::{time, time_field};

/// The OpenAPI 3.1 document of every route that the gateway serves.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The encoded descriptor set, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// One gRPC service behind its checks, ready to be mounted on both transports.
pub struct Endpoint {
    /// The full name of the gRPC service.
    pub name: &'static str,
    /// Its REST side; none where it has no REST route.
    pub rest: Option<Arc<dyn rest::RestHandler>>,
    /// Adds its gRPC side to a server.
    pub grpc: Box<dyn FnOnce(&mut RoutesBuilder) + Send>,
}
