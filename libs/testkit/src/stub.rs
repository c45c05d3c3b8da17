//! What a test serves in place of a service.

use fenz_chassis::status;
use fenz_contract::{Endpoint, Guard, routes::Method};
use fenz_core::{Caller, Error, Result};
use reqwest::header::HeaderMap;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Status, service::RoutesBuilder, transport::Server};

/// Admits everybody: a stub checks no access.
#[derive(Clone, Copy)]
pub struct AllowAll;

impl Guard for AllowAll {
    async fn admit(&self, _: &'static Method, _: &HeaderMap) -> Result<Caller> {
        Ok(Caller::Anonymous)
    }

    fn status(&self, error: Error) -> Status {
        status::from_error(error)
    }
}

/// Serves gRPC endpoints until the task is aborted.
///
/// # Panics
/// When the listener fails.
pub fn serve_stub(listener: TcpListener, endpoints: impl IntoIterator<Item = Endpoint>) -> JoinHandle<()> {
    let mut routes = RoutesBuilder::default();
    for endpoint in endpoints {
        (endpoint.grpc)(&mut routes);
    }
    let server = Server::builder().add_routes(routes.routes());
    tokio::spawn(async move { server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("served") })
}
