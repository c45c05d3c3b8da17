//! Decodes a request, calls one use case, encodes the reply: a file for each
//! gRPC service.

mod channels;
mod encode;
mod memberships;

use crate::app::App;

/// The service's side of the contract.
#[derive(Clone)]
pub struct Api(pub App);
