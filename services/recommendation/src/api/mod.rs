//! Decodes a request, calls one use case, encodes the reply: a file for each
//! gRPC service.

mod encode;
mod recommendations;
mod search;
mod tag_admin;
mod tag_catalog;
mod tags;

pub use search::SearchApi;

use crate::app::App;

/// The service's side of the contract.
#[derive(Clone)]
pub struct Api(pub App);
