//! How a call gets to another service: over a connection, or in memory.

use std::task::{Context, Poll};

use axum::{BoxError, body::Body};
use futures::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, Either, MapErr},
};
use http::{Request, Response, Version};
use tonic::{Status, TimeoutExpired, body::Body as GrpcBody, transport::Channel};
use tower::Service;

use super::CALL_TIMEOUT;
use crate::local::LocalService;

#[derive(Clone)]
pub enum Transport {
    Remote(Channel),
    Local(LocalService),
}

type RemoteFuture = <Channel as Service<Request<GrpcBody>>>::Future;

impl Service<Request<GrpcBody>> for Transport {
    type Response = Response<GrpcBody>;
    type Error = BoxError;
    type Future = Either<
        MapErr<RemoteFuture, fn(tonic::transport::Error) -> BoxError>,
        BoxFuture<'static, Result<Response<GrpcBody>, BoxError>>,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Remote(channel) => Service::<Request<GrpcBody>>::poll_ready(channel, cx).map_err(Into::into),
            Self::Local(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<GrpcBody>) -> Self::Future {
        match self {
            Self::Remote(channel) => Either::Left(channel.call(request).map_err(Into::into)),
            Self::Local(service) => Either::Right(call_local(service.clone(), request).boxed()),
        }
    }
}

async fn call_local(service: LocalService, request: Request<GrpcBody>) -> Result<Response<GrpcBody>, BoxError> {
    let mut request = request.map(Body::new);
    *request.version_mut() = Version::HTTP_2;
    // The errors are those that tonic makes of a call over a connection.
    match tokio::time::timeout(CALL_TIMEOUT, service.call(request)).await {
        Ok(Ok(response)) => Ok(response.map(GrpcBody::new)),
        Ok(Err(error)) => Err(Status::unavailable(error.to_string()).into()),
        Err(_) => Err(TimeoutExpired(()).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fenz_contract::auth::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
    use tonic::Code;

    use crate::{
        local::LocalServices,
        peers::{IN_PROCESS, PeerSettings, Peers},
    };

    fn peers(local: LocalServices) -> Peers {
        let settings = BTreeMap::from([("auth".to_owned(), IN_PROCESS.to_owned())]);
        Peers::new(PeerSettings::try_from(settings).unwrap(), local, None)
    }

    #[tokio::test]
    async fn a_service_of_this_process_that_is_not_started_is_unavailable() {
        let auth = peers(LocalServices::all()).require("auth").unwrap();
        let status = AuthServiceClient::new(auth).get_jwks(GetJwksRequest {}).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "the service is not running"));
    }

    #[tokio::test]
    async fn a_process_without_the_service_does_not_start() {
        let error = peers(LocalServices::default()).require("auth").err().unwrap();
        assert!(error.to_string().contains("FENZ_PEERS__AUTH"), "{error}");
    }
}
