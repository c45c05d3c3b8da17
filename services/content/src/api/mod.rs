//! Decodes a request, calls one use case, encodes the reply: a file for each
//! gRPC service.

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

/// The service's side of the contract.
#[derive(Clone)]
pub struct Api(pub App);
