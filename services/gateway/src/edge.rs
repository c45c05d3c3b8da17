//! What happens to a request between the client and the service it is for.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use fenz_chassis::{Caller, Error, Reason, Result, identity::Gatekeeper, rest, server::RouteName};
use fenz_contract::{
    Access,
    routes::{Route, RouteTable},
};
use http::{HeaderMap, header};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    config::Network,
    domain::{
        client_address::{client_address, is_trusted},
        revocations::Revocations,
    },
    limits::Limits,
    proxy::{Failure, Origin, Protocol, Proxy, Upstreams},
};

/// The largest body of an RPC; the services hold it too, where a body does not
/// tell its size.
const MAX_BODY: u64 = 1 << 20;
/// HTTP/1.1 connections refuse more by themselves.
const MAX_HEADERS: usize = 100;

/// Everything that a request meets here.
pub struct Edge {
    pub routes: RouteTable,
    pub gatekeeper: Gatekeeper,
    pub revocations: Arc<Revocations>,
    pub limits: Limits,
    pub trusted_proxies: Vec<Network>,
    pub upstreams: Upstreams,
    pub proxy: Proxy,
}

/// Takes every request that is not for the gateway itself.
pub async fn handle(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    if is_grpc(request.headers()) { Box::pin(edge.grpc(request)).await } else { edge.rest(request).await }
}

impl Edge {
    async fn rest(&self, request: Request) -> Response {
        let route = match rest::find(&self.routes, request.method().as_str(), request.uri().path()) {
            Ok(route) => route,
            Err(error) => return error.into_response(),
        };
        let origin = self.origin(&request);
        let mut response = match self.admit(route, &origin, request.headers()).await {
            Ok(()) => {
                let answer = self.forward(route, Protocol::Rest, &origin, request).await;
                answer.unwrap_or_else(IntoResponse::into_response)
            }
            Err(error) => error.into_response(),
        };
        response.extensions_mut().insert(RouteName(route.template()));
        response
    }

    async fn grpc(&self, request: Request) -> Response {
        let method = self.routes.grpc(request.uri().path()).filter(|m| m.access != Access::Internal);
        let Some(method) = method else { return unimplemented().into_http() };
        let route = Route::Rpc(method);
        let origin = self.origin(&request);
        let answer = match self.admit(route, &origin, request.headers()).await {
            Ok(()) => self.forward(route, Protocol::Grpc, &origin, request).await.map_err(Failure::into_error),
            Err(error) => Err(error),
        };
        let mut response = answer.unwrap_or_else(|error| Status::from(error).into_http());
        response.extensions_mut().insert(RouteName(method.grpc_path));
        response
    }

    /// Lets a request in, or says why not.
    async fn admit(&self, route: Route, origin: &Origin, headers: &HeaderMap) -> Result<()> {
        let caller = self.identify(route, headers).await;
        if !is_unlimited(route) {
            // Who could not be identified counts like one who did not try.
            self.limits.take(caller.as_ref().unwrap_or(&Caller::Anonymous), origin.client).await?;
        }
        caller?;
        check_size(route, headers)
    }

    async fn identify(&self, route: Route, headers: &HeaderMap) -> Result<Caller> {
        let caller = self.gatekeeper.admit(route, headers).await?;
        match &caller {
            Caller::User(_) if !self.revocations.is_loaded() => {
                Err(Error::new(Reason::Unavailable, "the gateway is starting; try again"))
            }
            Caller::User(user) if self.revocations.contains(&user.session) => {
                Err(Error::new(Reason::TokenInvalid, "the session has ended; sign in again"))
            }
            _ => Ok(caller),
        }
    }

    async fn forward(
        &self,
        route: Route,
        protocol: Protocol,
        origin: &Origin,
        request: Request,
    ) -> Result<Response, Failure> {
        let answer = match self.upstreams.of(route) {
            Ok(upstream) => self.proxy.forward(upstream, route, protocol, origin, request).await,
            Err(failure) => Err(failure),
        };
        answer.map_err(|failure| failure.of(route.host()))
    }

    fn origin(&self, request: &Request) -> Origin {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
        let forwarded_for = request.headers().get_all("x-forwarded-for").iter();
        Origin {
            client: client_address(peer, forwarded_for, &self.trusted_proxies),
            peer,
            via_proxy: is_trusted(peer, &self.trusted_proxies),
        }
    }
}

/// Players and payment providers ask as often as they must.
fn is_unlimited(route: Route) -> bool {
    let path = route.template();
    path.starts_with("/media/") || path.starts_with("/api/v1/webhooks/")
}

fn check_size(route: Route, headers: &HeaderMap) -> Result<()> {
    if headers.len() > MAX_HEADERS {
        return Err(Error::new(Reason::InvalidParams, format!("a request has at most {MAX_HEADERS} headers")));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if matches!(route, Route::Rpc(_)) && length.is_some_and(|length| length > MAX_BODY) {
        return Err(Error::new(Reason::BodyTooLarge, format!("a JSON body has at most {MAX_BODY} bytes")));
    }
    Ok(())
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"))
}

fn unimplemented() -> Status {
    let details = ErrorDetails::with_error_info(Reason::RouteNotFound.as_str_name(), fenz_contract::reason::DOMAIN, []);
    Status::with_error_details(Code::Unimplemented, "there is no such method", details)
}
