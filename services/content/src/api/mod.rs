//! The gRPC services, a file each: decode the request, call one use case, encode the
//! reply.

mod catalog;
mod categories;
mod category_admin;
mod dashboard;
mod edit;
mod encode;
mod headers;
mod history;
mod import;
mod video_admin;
mod videos;

use crate::app::App;

/// Implements the service traits of the contract.
#[derive(Clone)]
pub struct Api(pub App);
