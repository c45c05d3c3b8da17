//! The services that requests are forwarded to.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use fenz_chassis::{
    local::LocalService,
    peers::{Location, Peers},
};
use fenz_contract::routes::{METHODS, RAW_ROUTES, Route};
use http::{
    HeaderValue, Uri, header,
    request::Parts,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::Failure;
use crate::{config::BreakerConfig, domain::breaker::Breaker};

/// A service and its circuit breaker.
pub struct Upstream {
    pub breaker: Breaker,
    name: &'static str,
    pub target: Target,
}

/// How a service is reached.
pub enum Target {
    Remote(Authority),
    /// It runs in this process.
    Local(LocalService),
}

impl Upstream {
    /// Addresses a request to this upstream, whatever host the client named.
    pub fn set_address(&self, parts: &mut Parts) {
        let path = parts.uri.path_and_query().cloned();
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        match &self.target {
            // hyper sets the host.
            Target::Remote(authority) => {
                let mut uri = http::uri::Parts::default();
                uri.scheme = Some(Scheme::HTTP);
                uri.authority = Some(authority.clone());
                uri.path_and_query = Some(path);
                parts.uri = Uri::from_parts(uri).unwrap_or_default();
                parts.headers.remove(header::HOST);
            }
            Target::Local(_) => {
                parts.uri = Uri::from(path);
                parts.headers.insert(header::HOST, HeaderValue::from_static(self.name));
            }
        }
    }
}

/// All services that have a route in the contract, by name.
pub struct Upstreams(HashMap<&'static str, Upstream>);

impl Upstreams {
    /// From `FENZ_PEERS__…`; services without an address are left out.
    pub fn new(peers: &Peers, breaker: &BreakerConfig) -> Result<Self> {
        let hosts = METHODS.iter().map(|m| m.host).chain(RAW_ROUTES.iter().map(|r| r.host));
        let mut upstreams = HashMap::new();
        for name in hosts {
            let target = match peers.locate(name)? {
                None => continue,
                Some(Location::Local(service)) => Target::Local(service),
                Some(Location::Remote(address)) => Target::Remote(authority(&address).with_context(|| {
                    let key = format!("FENZ_PEERS__{}", name.to_uppercase());
                    format!("{key} should be a URL such as http://127.0.0.1:8001, not {address:?}")
                })?),
            };
            upstreams.insert(name, Upstream { breaker: Breaker::new(name, breaker.clone()), name, target });
        }
        Ok(Self(upstreams))
    }

    /// The service of a route.
    pub fn get(&self, route: Route) -> Result<&Upstream, Failure> {
        self.0.get(route.host()).ok_or(Failure::NotConfigured { upstream: route.host() })
    }
}

fn authority(address: &str) -> Result<Authority> {
    let uri: Uri = address.parse()?;
    ensure!(uri.scheme() == Some(&Scheme::HTTP), "only http");
    ensure!(uri.path() == "/" && uri.query().is_none(), "no path");
    uri.into_parts().authority.context("no host")
}
