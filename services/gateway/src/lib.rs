//! The API gateway: authentication, rate limits, routing and streaming proxying.
//! Without persistent state or business rules; the contract's route table says
//! which service a request goes to.

mod api;
pub mod config;
mod domain;
mod edge;
mod proxy;
mod rate_limit;
mod revocation_poller;

use std::sync::Arc;

use anyhow::Result;
use axum::{Router, middleware};
use fenz_cache::Cache;
use fenz_chassis::{AuthKeys, Endpoints, Platform, Service, Settings, ops, server::AddressLimit};
use fenz_contract::routes::RouteTable;

use config::Config;
use domain::client_address::is_trusted;
use edge::Edge;
use proxy::{Proxy, Tunnels, Upstreams};
use rate_limit::RateLimiter;

/// The gateway.
pub struct Gateway;

impl Service for Gateway {
    const NAME: &'static str = "gateway";
    const PORT: u16 = 8000;
    type Config = Config;
    type Requirements = (Cache, AuthKeys);

    async fn build(platform: Platform, (Cache(redis), _): Self::Requirements, config: Config) -> Result<Endpoints> {
        let tunnels = Tunnels::new(platform.settings.server.max_connections, config.idle_timeout, &platform.draining);
        let drained = tunnels.clone();
        let stop = platform.stop.clone();
        platform.spawn("tunnels", async move {
            drained.drained().await;
            stop.cancelled().await;
            Ok(())
        });
        let proxies = config.trusted_proxies.clone();
        let addresses = AddressLimit::new(config.connections_per_address, move |address| is_trusted(address, &proxies));
        let edge = Edge {
            addresses: addresses.clone(),
            routes: RouteTable::new(),
            authorizer: platform.authorizer.clone(),
            revocations: revocation_poller::spawn(&platform)?,
            rate_limiter: RateLimiter::new(&config.rate_limit, redis),
            trusted_proxies: config.trusted_proxies,
            upstreams: Upstreams::new(&platform.peers, &config.breaker)?,
            proxy: Proxy::new(
                platform.settings.server.request_timeout,
                config.idle_timeout,
                tunnels,
                platform.draining,
            ),
        };
        let router = Router::new()
            .fallback(edge::handle)
            .with_state(Arc::new(edge))
            .merge(ops::public_routes(platform.readiness))
            .merge(api::docs::routes())
            // One tuple: each separate layer costs every request two allocations.
            .layer((
                api::cors::layer(config.cors.origins()?),
                middleware::map_response(api::headers::add_security_headers),
            ));
        Ok(Endpoints { fallback: Some(router), addresses, ..Endpoints::default() })
    }

    fn check(_: &Settings, config: &Config) -> Result<()> {
        config.check()
    }
}
