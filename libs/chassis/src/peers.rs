//! Calls to other services: lazily connected, timed, signed, traced.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use fenz_contract::routes::HOSTS;
use serde::{Deserialize, Serialize};
use tonic::{
    Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::{identity::ServiceIdentity, request, status};

/// `FENZ_PEERS__<SERVICE>`: where the other services are, e.g.
/// `http://127.0.0.1:8001`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct PeerSettings(BTreeMap<String, String>);

impl PeerSettings {
    /// The address of a service by its name in the contract.
    pub fn get(&self, service: &str) -> Option<&str> {
        self.0.get(service).map(String::as_str)
    }
}

impl TryFrom<BTreeMap<String, String>> for PeerSettings {
    type Error = String;

    fn try_from(addresses: BTreeMap<String, String>) -> Result<Self, String> {
        match addresses.keys().find(|name| !HOSTS.contains(&name.as_str())) {
            Some(name) => Err(format!("{name:?} is no service; there are {}", HOSTS.join(", "))),
            None => Ok(Self(addresses.into_iter().filter(|(_, address)| !address.is_empty()).collect())),
        }
    }
}

/// A connection to another service that proves who calls.
pub type PeerChannel = InterceptedService<Channel, Credentials>;

/// Adds the service token, unless the call carries a user's, the request id and
/// the trace.
#[derive(Clone)]
pub struct Credentials {
    identity: Option<ServiceIdentity>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut call: Request<()>) -> Result<Request<()>, Status> {
        // A call on a user's behalf brings the user's own token along.
        if let Some(identity) = &self.identity
            && !call.metadata().contains_key("authorization")
        {
            let header = format!("Bearer {}", identity.token().map_err(status::from_error)?).parse();
            call.metadata_mut().insert("authorization", header.map_err(|_| Status::internal("a token is ASCII"))?);
        }
        if let Some(context) = request::current() {
            let mut headers = std::mem::take(call.metadata_mut()).into_headers();
            context.write(&mut headers);
            *call.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
        }
        Ok(call)
    }
}

/// The other services, as this one reaches them.
#[derive(Clone)]
pub struct Peers {
    settings: PeerSettings,
    identity: Option<ServiceIdentity>,
}

impl Peers {
    pub fn new(settings: PeerSettings, identity: Option<ServiceIdentity>) -> Self {
        Self { settings, identity }
    }

    /// A channel to a service; none when no address is set.
    ///
    /// # Errors
    /// When the address is not a URL.
    pub fn find(&self, service: &str) -> Result<Option<PeerChannel>> {
        let Some(address) = self.settings.get(service) else { return Ok(None) };
        let endpoint = Endpoint::from_shared(address.to_owned()).with_context(|| {
            format!("FENZ_PEERS__{} should be a URL such as http://127.0.0.1:8001", service.to_uppercase())
        })?;
        let channel = endpoint
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(10))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(15))
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Some(InterceptedService::new(channel, Credentials { identity: self.identity.clone() })))
    }

    /// A channel to a service that this one cannot do without.
    pub fn require(&self, service: &str) -> Result<PeerChannel> {
        self.find(service)?.with_context(|| {
            format!("FENZ_PEERS__{} should be the address of the {service} service", service.to_uppercase())
        })
    }
}
