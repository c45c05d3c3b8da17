//! Calls to other services: lazily connected or in memory, timed, signed, traced.

mod transport;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use fenz_contract::routes::HOSTS;
use serde::{Deserialize, Serialize};
use tonic::{
    Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::{
    identity::ServiceIdentity,
    local::{LocalService, LocalServices},
    request, status,
};
pub use transport::Transport;

/// How a setting names a service of the same process.
pub const IN_PROCESS: &str = "in-process";
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// `FENZ_PEERS__<SERVICE>`: where the other services are, e.g.
/// `http://127.0.0.1:8001`, or `in-process`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct PeerSettings(BTreeMap<String, String>);

impl PeerSettings {
    fn get(&self, service: &str) -> Option<&str> {
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

/// Where another service is.
#[derive(Clone)]
pub enum Location {
    /// A URL.
    Remote(String),
    Local(LocalService),
}

/// A way to another service that proves who calls.
pub type PeerChannel = InterceptedService<Transport, Credentials>;

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
    local: LocalServices,
    identity: Option<ServiceIdentity>,
}

impl Peers {
    /// `local` are the services that `in-process` may stand for.
    pub fn new(settings: PeerSettings, local: LocalServices, identity: Option<ServiceIdentity>) -> Self {
        Self { settings, local, identity }
    }

    /// Where a service is; none when no address is set.
    ///
    /// # Errors
    /// When it should be in this process and is not.
    pub fn locate(&self, service: &str) -> Result<Option<Location>> {
        match self.settings.get(service) {
            None => Ok(None),
            Some(IN_PROCESS) => {
                let local = self.local.get(service).cloned().map(Location::Local);
                local.map(Some).with_context(|| {
                    format!("FENZ_PEERS__{} should be a URL: {service} is not in this process", service.to_uppercase())
                })
            }
            Some(address) => Ok(Some(Location::Remote(address.to_owned()))),
        }
    }

    /// A channel to a service; none when no address is set.
    ///
    /// # Errors
    /// When the address is not a URL, or the service not in this process.
    pub fn find(&self, service: &str) -> Result<Option<PeerChannel>> {
        let transport = match self.locate(service)? {
            None => return Ok(None),
            Some(Location::Local(local)) => Transport::Local(local),
            Some(Location::Remote(address)) => Transport::Remote(connect(service, address)?),
        };
        Ok(Some(InterceptedService::new(transport, Credentials { identity: self.identity.clone() })))
    }

    /// A channel to a service that this one cannot do without.
    pub fn require(&self, service: &str) -> Result<PeerChannel> {
        self.find(service)?.with_context(|| {
            format!("FENZ_PEERS__{} should be the address of the {service} service", service.to_uppercase())
        })
    }
}

fn connect(service: &str, address: String) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(address).with_context(|| {
        format!("FENZ_PEERS__{} should be a URL such as http://127.0.0.1:8001", service.to_uppercase())
    })?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(15))
        .keep_alive_while_idle(true)
        .connect_lazy())
}
