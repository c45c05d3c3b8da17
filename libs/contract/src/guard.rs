//! The one place where every call passes before its handler runs.

use tonic::{Request, Status};

use crate::{
    routes::Method,
    rules::{Rules, validate},
};

/// Decides whether a call may happen. The chassis has the implementation; the
/// contract only says when it is asked.
pub trait Guard: Send + Sync + 'static {
    /// Verifies the caller against the method's access and leaves what it found
    /// out in the request's extensions.
    fn authorize<T: Send>(
        &self,
        method: &'static Method,
        request: &mut Request<T>,
    ) -> impl Future<Output = Result<(), Status>> + Send;
}

/// Token and access first, then the fields.
pub(crate) async fn check<G: Guard, T: Rules + Send>(
    guard: &G,
    method: &'static Method,
    mut request: Request<T>,
) -> Result<Request<T>, Status> {
    guard.authorize(method, &mut request).await?;
    validate(request.get_ref())?;
    Ok(request)
}
