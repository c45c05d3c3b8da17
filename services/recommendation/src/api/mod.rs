//! The gRPC services, a file each: decode a request, call one use case, encode
//! the response.

mod encode;
mod recommendations;
mod search;
mod tag_admin;
mod tag_catalog;
mod tags;

pub use search::SearchApi;

use crate::app::App;

/// Implements all gRPC services but search.
#[derive(Clone)]
pub struct Api(pub App);
