//! The request pipeline: route, authenticate, rate-limit, check sizes, proxy.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use fenz_chassis::{
    error_response,
    identity::Authorizer,
    rest,
    server::{AddressLimit, RouteName},
    status,
};
use fenz_contract::{
    Access,
    routes::{RawRouteKind, Route, RouteTable},
};
use fenz_core::{Caller, Error, Reason, Result};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    config::Network,
    domain::{
        client_address::{client_address, is_trusted},
        revocations::Revocations,
    },
    proxy::{ClientInfo, Failure, Protocol, Proxy, Upstreams},
    rate_limit::RateLimiter,
};

/// The largest body of an RPC, in bytes. The services enforce it too, for bodies
/// without a `Content-Length`.
const MAX_BODY: u64 = 1 << 20;
/// For HTTP/2; hyper enforces it for HTTP/1.1.
const MAX_HEADERS: usize = 100;

/// The state that all requests share.
pub struct Edge {
    pub routes: RouteTable,
    pub authorizer: Authorizer,
    pub revocations: Arc<Revocations>,
    pub rate_limiter: RateLimiter,
    pub addresses: AddressLimit,
    pub trusted_proxies: Vec<Network>,
    pub upstreams: Upstreams,
    pub proxy: Proxy,
}

/// Handles every request that is not for one of the gateway's own routes.
pub async fn handle(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let client = edge.client_info(&request);
    let is_grpc = is_grpc(request.headers());
    if !client.via_trusted_proxy {
        return edge.answer(&client, is_grpc, request).await;
    }
    // The proxy's connections are not the client's.
    let Some(place) = edge.addresses.enter(client.address) else {
        let error = Error::new(Reason::RateLimited, "too many requests of this address are open");
        let error = error.retry_after(Duration::from_secs(1));
        return if is_grpc { status::from_error(error).into_http() } else { error_response(error) };
    };
    let response = edge.answer(&client, is_grpc, request).await;
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _until_it_ends = &place;
            frame
        }))
    })
}

impl Edge {
    async fn answer(&self, client: &ClientInfo, is_grpc: bool, request: Request) -> Response {
        if is_grpc { Box::pin(self.grpc(client, request)).await } else { self.rest(client, request).await }
    }

    async fn rest(&self, client: &ClientInfo, request: Request) -> Response {
        let route = match rest::find(&self.routes, request.method().as_str(), request.uri().path()) {
            Ok(route) => route,
            Err(error) => return error_response(self.limited(error, client).await),
        };
        let mut response = match self.admit(route, client, request.headers()).await {
            Ok(()) => {
                let result = self.forward(route, Protocol::Rest, client, request).await;
                result.unwrap_or_else(IntoResponse::into_response)
            }
            Err(error) => error_response(error),
        };
        response.extensions_mut().insert(RouteName(route.template()));
        response
    }

    async fn grpc(&self, client: &ClientInfo, request: Request) -> Response {
        let method = self.routes.grpc(request.uri().path()).filter(|m| m.access != Access::Internal);
        let Some(method) = method else {
            return match self.rate_limiter.take(&Caller::Anonymous, client.address).await {
                Ok(()) => unimplemented().into_http(),
                Err(error) => status::from_error(error).into_http(),
            };
        };
        let route = Route::Rpc(method);
        let result = match self.admit(route, client, request.headers()).await {
            Ok(()) => self.forward(route, Protocol::Grpc, client, request).await.map_err(Failure::into_error),
            Err(error) => Err(error),
        };
        let mut response = result.unwrap_or_else(|error| status::from_error(error).into_http());
        response.extensions_mut().insert(RouteName(method.grpc_path));
        response
    }

    /// What a request without a route is answered: it counts as an anonymous one.
    async fn limited(&self, error: Error, client: &ClientInfo) -> Error {
        self.rate_limiter.take(&Caller::Anonymous, client.address).await.err().unwrap_or(error)
    }

    /// Authenticates and rate-limits a request, and checks its sizes.
    async fn admit(&self, route: Route, client: &ClientInfo, headers: &HeaderMap) -> Result<()> {
        let caller = self.authenticate(route, headers).await;
        if !is_unlimited(route) {
            // A failed authentication counts as an anonymous request.
            self.rate_limiter.take(caller.as_ref().unwrap_or(&Caller::Anonymous), client.address).await?;
        }
        caller?;
        check_size(route, headers)
    }

    async fn authenticate(&self, route: Route, headers: &HeaderMap) -> Result<Caller> {
        let caller = self.authorizer.admit(route, headers).await?;
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
        client: &ClientInfo,
        request: Request,
    ) -> Result<Response, Failure> {
        let result = match self.upstreams.get(route) {
            Ok(upstream) => self.proxy.forward(upstream, route, protocol, client, request).await,
            Err(failure) => Err(failure),
        };
        result.map_err(|failure| failure.record(route.host()))
    }

    fn client_info(&self, request: &Request) -> ClientInfo {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
        let forwarded_for = request.headers().get_all("x-forwarded-for").iter();
        ClientInfo {
            address: client_address(peer, forwarded_for, &self.trusted_proxies),
            peer,
            via_trusted_proxy: is_trusted(peer, &self.trusted_proxies),
        }
    }
}

/// Players request many ranges, and webhook senders retry on their own schedule.
fn is_unlimited(route: Route) -> bool {
    matches!(route.kind(), Some(RawRouteKind::Download | RawRouteKind::Webhook))
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
    let details = ErrorDetails::with_error_info(Reason::RouteNotFound.as_str_name(), fenz_core::reason::DOMAIN, []);
    Status::with_error_details(Code::Unimplemented, "there is no such method", details)
}
