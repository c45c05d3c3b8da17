//! Decodes a request, calls one use case, encodes the reply: a file for each
//! gRPC service.

mod catalog;
mod channels;
mod encode;
mod memberships;
mod own_channel;

use crate::app::App;

/// The service's side of the contract.
#[derive(Clone)]
pub struct Api(pub App);
