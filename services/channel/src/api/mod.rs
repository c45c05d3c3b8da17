//! gRPC handlers, one file per service: decode, call one use case, encode.

mod catalog;
mod channels;
mod encode;
mod memberships;
mod own_channel;

use crate::app::App;

/// Implements the gRPC services.
#[derive(Clone)]
pub struct Api(pub App);
