//! The services that requests are forwarded to.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use fenz_chassis::peers::PeerSettings;
use fenz_contract::routes::{METHODS, RAW_ROUTES, Route};
use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::Failure;
use crate::{config::BreakerConfig, domain::breaker::Breaker};

/// A service and its circuit breaker.
pub struct Upstream {
    pub breaker: Breaker,
    authority: Authority,
}

impl Upstream {
    /// The URI of a request at this upstream.
    pub fn uri(&self, requested: &Uri) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        let path = requested.path_and_query().cloned();
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// All services that have a route in the contract, by name.
pub struct Upstreams(HashMap<&'static str, Upstream>);

impl Upstreams {
    /// From `FENZ_PEERS__…`; services without an address are left out.
    pub fn new(settings: &PeerSettings, breaker: &BreakerConfig) -> Result<Self> {
        let hosts = METHODS.iter().map(|m| m.host).chain(RAW_ROUTES.iter().map(|r| r.host));
        let mut upstreams = HashMap::new();
        for name in hosts {
            let Some(address) = settings.get(name) else { continue };
            let key = format!("FENZ_PEERS__{}", name.to_uppercase());
            let authority = authority(address)
                .with_context(|| format!("{key} should be a URL such as http://127.0.0.1:8001, not {address:?}"))?;
            upstreams.insert(name, Upstream { breaker: Breaker::new(name, breaker.clone()), authority });
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
