//! The services as the gateway sees them.

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

/// A service.
pub struct Upstream {
    pub name: &'static str,
    pub breaker: Breaker,
    authority: Authority,
}

impl Upstream {
    /// Where a request goes there.
    pub fn uri(&self, requested: &Uri) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        let path = requested.path_and_query().cloned();
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// The services that routes of the contract lead to.
pub struct Upstreams(HashMap<&'static str, Upstream>);

impl Upstreams {
    /// From `FENZ_PEERS__…`. One that is not set is one that is not there.
    pub fn new(settings: &PeerSettings, breaker: &BreakerConfig) -> Result<Self> {
        let hosts = METHODS.iter().map(|m| m.host).chain(RAW_ROUTES.iter().map(|r| r.host));
        let mut upstreams = HashMap::new();
        for name in hosts {
            let Some(address) = settings.get(name) else { continue };
            let key = format!("FENZ_PEERS__{}", name.to_uppercase());
            let authority = authority(address)
                .with_context(|| format!("{key} should be a URL such as http://127.0.0.1:8001, not {address:?}"))?;
            upstreams.insert(name, Upstream { name, breaker: Breaker::new(name, breaker.clone()), authority });
        }
        Ok(Self(upstreams))
    }

    /// The service that a route leads to.
    pub fn of(&self, route: Route) -> Result<&Upstream, Failure> {
        self.0.get(route.host()).ok_or(Failure::Unset { upstream: route.host() })
    }
}

fn authority(address: &str) -> Result<Authority> {
    let uri: Uri = address.parse()?;
    ensure!(uri.scheme() == Some(&Scheme::HTTP), "only http");
    ensure!(uri.path() == "/" && uri.query().is_none(), "no path");
    uri.into_parts().authority.context("no host")
}
