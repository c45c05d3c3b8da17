//! What a service is to the programs that run it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::Router;
use fenz_contract::{Endpoint, routes::RouteTable};
use futures::future::OptionFuture;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;

use crate::{
    Command, Platform, Process, Requirements, Settings,
    local::Published,
    process,
    rest::{self, Rest},
    server::{self, AddressLimit, Observed},
    settings::Sources,
};

/// A service of the fleet.
pub trait Service: 'static {
    /// As the contract's `host` names it.
    const NAME: &'static str;
    /// Where it listens by default; its ops listener is 1000 above.
    const PORT: u16;
    /// Its own settings, `FENZ_<NAME>__…`.
    type Config: DeserializeOwned + Serialize + Default + Send;
    /// What it cannot be built without.
    type Requirements: Requirements;

    /// Validates its settings together, before a port is bound.
    ///
    /// # Errors
    /// Names the key and what it should be.
    fn check(_: &Settings, _: &Self::Config) -> Result<()> {
        Ok(())
    }

    /// Builds the service on what was connected for it.
    fn build(
        platform: Platform,
        requirements: Self::Requirements,
        config: Self::Config,
    ) -> impl Future<Output = Result<Endpoints>> + Send;

    /// Commands of its own, beside those of its requirements.
    fn commands() -> Vec<Command> {
        Vec::new()
    }
}

/// What a service serves.
#[derive(Default)]
pub struct Endpoints {
    /// gRPC services, each on both transports, beside those of its requirements.
    pub rpc: Vec<Endpoint>,
    /// Routes that carry bytes; they admit callers with the platform's authorizer.
    pub raw: Router,
    /// How many connections to its port an address may have.
    pub addresses: AddressLimit,
    /// Takes every request that no route took, in place of the REST side. The
    /// gateway's.
    pub fallback: Option<Router>,
}

/// A running service.
pub struct Launched {
    pub name: &'static str,
    draining: CancellationToken,
    server: JoinHandle<()>,
}

impl Launched {
    /// Stops accepting, and waits until open requests have ended or the drain
    /// timeout is over.
    pub async fn drain(self) {
        self.draining.cancel();
        if let Err(error) = self.server.await {
            tracing::error!(service = self.name, %error, "server task failed");
        }
    }
}

/// The settings of a service, if they are valid.
///
/// # Errors
/// Names the key and what it should be.
pub fn check<S: Service>(sources: &Sources) -> Result<(Settings, S::Config)> {
    let (settings, config) = sources.service::<S::Config>(S::NAME)?;
    S::Requirements::read(&settings)?;
    S::check(&settings, &config)?;
    Ok((settings, config))
}

/// Starts a service on a listener, if it has one, and in the process's memory,
/// if the process says so.
///
/// # Errors
/// When a setting is wrong or a requirement does not answer.
pub async fn start<S: Service>(
    sources: &Sources,
    process: &Process,
    listener: Option<TcpListener>,
) -> Result<Launched> {
    let (settings, config) = check::<S>(sources)?;
    let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    if address.is_some() {
        process::check_file_limit(S::NAME, &settings.server);
    }
    let (platform, requirements) = connect::<S>(settings, process).await?;
    let server = platform.settings.server.clone();
    let of_requirements = requirements.endpoints(&platform);
    let mut endpoints =
        S::build(platform.clone(), requirements, config).await.with_context(|| format!("{} did not start", S::NAME))?;
    endpoints.rpc.extend(of_requirements);
    let addresses = endpoints.addresses.clone();
    let router = router(endpoints, &platform, address.is_some()).await?;
    let draining = process.stop.child_token();
    let service = Observed::new(S::NAME, router, process.random.clone());
    let published = process.local.get(S::NAME).map(|local| local.publish(service.clone()));
    let in_memory = serve_in_memory(published, server.drain_timeout, draining.clone());
    let on_port = listener.map(|listener| server::serve(listener, service, server, addresses, draining.clone()));
    let server = process.spawn(S::NAME, async move {
        tokio::join!(in_memory, OptionFuture::from(on_port));
    });
    tracing::info!(service = S::NAME, address = address.map(tracing::field::display), "started");
    Ok(Launched { name: S::NAME, draining, server })
}

/// As [`server::serve`] does it for connections.
async fn serve_in_memory(published: Option<Published>, drain_timeout: Duration, stop: CancellationToken) {
    let Some(published) = published else { return };
    stop.cancelled().await;
    if tokio::time::timeout(drain_timeout, published.drain()).await.is_err() {
        tracing::warn!("requests were still open when the drain timeout ended");
    }
}

/// Connects what a service requires, without serving it: for commands and tests.
///
/// # Errors
/// When a setting is wrong or a requirement does not answer.
pub async fn connect<S: Service>(settings: Settings, process: &Process) -> Result<(Platform, S::Requirements)> {
    let platform = Platform::new(S::NAME, settings, process)?;
    let requirements = S::Requirements::connect(&platform).await?;
    Ok((platform, requirements))
}

/// gRPC, REST and raw routes on one router.
async fn router(endpoints: Endpoints, platform: &Platform, has_port: bool) -> Result<Router> {
    let timeout = platform.settings.server.request_timeout;
    let mut grpc = RoutesBuilder::default();
    let mut handlers = HashMap::new();
    let (health, health_service) = tonic_health::server::health_reporter();
    for endpoint in endpoints.rpc {
        health.set_service_status(endpoint.name, tonic_health::ServingStatus::Serving).await;
        (endpoint.grpc)(&mut grpc);
        handlers.extend(endpoint.rest.map(|rest| (endpoint.name, rest)));
    }
    grpc.add_service(health_service);
    // It lists internal RPCs too: not for the public, who come through the gateway.
    if platform.settings.server.reflection && has_port && endpoints.fallback.is_none() {
        grpc.add_service(
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(fenz_contract::DESCRIPTORS)
                .build_v1()?,
        );
    }
    // Balancers ask over a port; without one nobody does.
    if has_port {
        report_health(platform, health);
    }
    let routes = Arc::new(RouteTable::new());
    let rest = endpoints.fallback.unwrap_or_else(|| {
        let rest = Rest {
            routes: routes.clone(),
            handlers: Arc::new(handlers),
            authorizer: platform.authorizer.clone(),
            timeout,
        };
        Router::new().fallback(rest::handle).with_state(rest)
    });
    // tonic's own fallback answers every unknown path as gRPC; ours is REST.
    let rpc = grpc.routes().into_axum_router().reset_fallback();
    let rpc = server::rpc(rpc, routes, timeout);
    Ok(rpc.merge(endpoints.raw).fallback_service(rest))
}

/// Keeps gRPC health equal to readiness, under `readiness` and the empty name;
/// `liveness` is the process itself.
fn report_health(platform: &Platform, health: tonic_health::server::HealthReporter) {
    let (readiness, stop) = (platform.readiness.clone(), platform.stop.clone());
    platform.spawn("health", async move {
        health.set_service_status("liveness", tonic_health::ServingStatus::Serving).await;
        loop {
            let status = if readiness.recent_problems().await.is_empty() {
                tonic_health::ServingStatus::Serving
            } else {
                tonic_health::ServingStatus::NotServing
            };
            health.set_service_status("", status).await;
            health.set_service_status("readiness", status).await;
            let draining = readiness.draining();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = draining.cancelled(), if !draining.is_cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
            }
        }
    });
}
