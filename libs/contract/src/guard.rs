//! The one place where every call passes before its handler runs.

use fenz_core::{Caller, Error};
use http::HeaderMap;
use tonic::{Request, Status, metadata::MetadataMap};

use crate::{
    routes::Method,
    rules::{Rules, validate},
};

/// Decides whether a call may happen. The chassis has the implementation; the
/// contract only says when it is asked.
pub trait Guard: Send + Sync + 'static {
    /// The caller of a request with these headers, if the method's access
    /// permits the call.
    fn admit(&self, method: &'static Method, headers: &HeaderMap)
    -> impl Future<Output = Result<Caller, Error>> + Send;

    /// An error as its caller gets it.
    fn status(&self, error: Error) -> Status;
}

/// The checks of a call over gRPC: token and access first, then the fields.
pub(crate) async fn check<G: Guard, T: Rules + Send>(
    guard: &G,
    method: &'static Method,
    request: Request<T>,
) -> Result<Request<T>, Status> {
    let (metadata, mut extensions, message) = request.into_parts();
    let headers = metadata.into_headers();
    let caller = guard.admit(method, &headers).await.map_err(|error| guard.status(error))?;
    validate(&message).map_err(|error| guard.status(error))?;
    extensions.insert(caller);
    Ok(Request::from_parts(MetadataMap::from_headers(headers), extensions, message))
}
