//! From settings to a running service and back: the same steps for a service
//! alone and for all of them in one process.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::Router;
use fenz_contract::{Endpoint, routes::RouteTable};
use sea_orm::DatabaseConnection;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::RoutesBuilder;

use crate::{
    Clock, IdMaker, Settings, database,
    identity::{Ed25519Key, Gatekeeper, ServiceIdentity, TrustedServices, Verifier},
    media_url::MediaUrls,
    ops::{self, Readiness},
    peers::Peers,
    redis::Redis,
    rest::{self, Rest},
    server::{self, Observed},
    settings::{self, Sources},
    shared::Shared,
    store::ObjectStore,
};

/// A service of the fleet.
pub trait Service: 'static {
    /// As the contract's `host` names it.
    const NAME: &'static str;
    /// Where it listens by default; its ops listener is 1000 above.
    const PORT: u16;
    const NEEDS: Needs;
    /// Its own settings, `FENZ_<NAME>__…`.
    type Config: DeserializeOwned + Serialize + Default + Send;
    /// Its schema; [`NoMigrations`] without a database.
    type Migrator: MigratorTrait;

    /// Holds its settings against each other, before a port is bound.
    ///
    /// # Errors
    /// Names the key and what it should be.
    fn check(_: &Settings, _: &Self::Config) -> Result<()> {
        Ok(())
    }

    /// Builds the service on what the launcher connected.
    fn build(platform: Platform, config: Self::Config) -> impl Future<Output = Result<Surface>> + Send;

    /// Where `listen` of its settings says it should be.
    fn listen(config: &Self::Config) -> Option<SocketAddr>;
}

/// What a service cannot start without.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a list to tick, not a state")]
pub struct Needs {
    pub database: bool,
    pub store: bool,
    pub media_urls: bool,
    /// Verifies access tokens with keys fetched from auth.
    pub auth_keys: bool,
}

/// The schema of a service without a database.
pub struct NoMigrations;

impl MigratorTrait for NoMigrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// What the launcher connected for a service. It does not tell whether the
/// service runs alone or among others.
#[derive(Clone)]
pub struct Platform {
    pub service: &'static str,
    pub settings: Settings,
    pub clock: Clock,
    pub ids: IdMaker,
    pub peers: Peers,
    pub gatekeeper: Gatekeeper,
    pub readiness: Readiness,
    /// Cancelled when the process should come to its end.
    pub stop: CancellationToken,
    pub shared: Shared,
    db: Option<DatabaseConnection>,
    store: Option<ObjectStore>,
    media_urls: Option<MediaUrls>,
    redis: Option<Redis>,
    tasks: TaskTracker,
}

impl Platform {
    pub fn db(&self) -> Result<DatabaseConnection> {
        self.db.clone().context("the service does not declare that it needs a database")
    }

    pub fn store(&self) -> Result<ObjectStore> {
        self.store.clone().context("the service does not declare that it needs an object store")
    }

    pub fn media_urls(&self) -> Result<MediaUrls> {
        self.media_urls.clone().context("the service does not declare that it needs media URLs")
    }

    /// The cache, where there is one; it may be away at any time.
    pub fn redis(&self) -> Option<Redis> {
        self.redis.clone()
    }

    /// Runs a task in the background until it ends with `stop`. One that ends
    /// before, or panics, brings the process down: it would be missed unseen.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = Result<()>> + Send + 'static) {
        let (service, stop) = (self.service, self.stop.clone());
        self.tasks.spawn(async move {
            let outcome = tokio::spawn(task).await;
            if stop.is_cancelled() {
                return;
            }
            let problem = match outcome {
                Ok(Ok(())) => "ended".to_owned(),
                Ok(Err(error)) => format!("{error:#}"),
                Err(panic) => panic.to_string(),
            };
            tracing::error!(service, task = name, error = problem, "a background task is gone; stopping");
            FAILED.store(true, std::sync::atomic::Ordering::Release);
            stop.cancel();
        });
    }

    /// Runs a job again and again, `every` so often, until the end. A failure
    /// is logged and tried again at the next turn.
    pub fn every<F>(&self, name: &'static str, every: Duration, job: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send,
    {
        let (service, stop) = (self.service, self.stop.clone());
        self.spawn(name, async move {
            let mut turn = tokio::time::interval(every);
            turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    _ = turn.tick() => {}
                }
                if let Err(error) = job().await {
                    tracing::warn!(service, task = name, error = format!("{error:#}"), "a background job failed");
                }
            }
        });
    }
}

/// Set when a background task died before its time.
static FAILED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// What a service serves.
#[derive(Default)]
pub struct Surface {
    /// gRPC services, each on both transports.
    pub endpoints: Vec<Endpoint>,
    /// Routes that carry bytes; admit callers with the platform's gatekeeper.
    pub raw: Router,
    /// Takes every request that no route took, in place of the REST side. The
    /// gateway's.
    pub fallback: Option<Router>,
}

/// A running service.
pub struct Launched {
    pub name: &'static str,
    pub address: SocketAddr,
}

/// What services of one process share.
#[derive(Clone, Default)]
pub struct Process {
    pub clock: Clock,
    pub readiness: Readiness,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    /// What libraries keep once for all services.
    pub shared: Shared,
}

/// The settings of a service, if they are good.
///
/// # Errors
/// Names the key and what it should be.
pub fn check<S: Service>(sources: &Sources) -> Result<(Settings, S::Config)> {
    let (settings, config) = sources.service::<S::Config>(S::NAME)?;
    S::check(&settings, &config)?;
    Ok((settings, config))
}

/// Starts a service on a listener.
///
/// # Errors
/// When a setting is wrong or something it needs does not answer.
pub async fn start<S: Service>(sources: &Sources, process: &Process, listener: TcpListener) -> Result<Launched> {
    let (settings, config) = check::<S>(sources)?;
    let address = listener.local_addr()?;
    let platform = connect::<S>(settings, process).await?;
    let server = platform.settings.server.clone();
    let surface = S::build(platform.clone(), config).await.with_context(|| format!("{} did not start", S::NAME))?;
    let router = router(surface, &platform).await?;
    let service = Observed::new(S::NAME, router);
    process.tasks.spawn(server::serve(listener, service, server, process.stop.clone()));
    tracing::info!(service = S::NAME, %address, "listening");
    Ok(Launched { name: S::NAME, address })
}

/// Connects what a service needs, without serving it: for commands and tests.
///
/// # Errors
/// When a setting is wrong or something it needs does not answer.
pub async fn connect<S: Service>(settings: Settings, process: &Process) -> Result<Platform> {
    let clock = process.clock.clone();
    let key = &settings.internal.key;
    let identity = (!key.is_empty())
        .then(|| Ed25519Key::from_base64(key.expose()).context("FENZ_INTERNAL__KEY"))
        .transpose()?
        .map(|key| ServiceIdentity::new(S::NAME, &key, clock.clone()));
    let peers = Peers::new(settings.peers.clone(), identity);
    let auth = if S::NEEDS.auth_keys { Some(peers.require("auth")?) } else { None };
    let gatekeeper = Gatekeeper {
        verifier: Verifier::new(&settings.identity, clock.clone(), auth),
        services: TrustedServices::new(&settings.internal.trusted, clock.clone())?,
    };
    let db = if S::NEEDS.database {
        let db = database::connect(&settings.database).await?;
        database::migrate::<S::Migrator>(&db, S::NAME).await?;
        Some(db)
    } else {
        None
    };
    let store = if S::NEEDS.store { Some(ObjectStore::new(&settings.store)?) } else { None };
    let media_urls = if S::NEEDS.media_urls { Some(MediaUrls::new(&settings.media_url)?) } else { None };
    let redis = Redis::new(&settings.redis, S::NAME)?;
    let platform = Platform {
        service: S::NAME,
        settings,
        ids: IdMaker::new(clock.clone()),
        clock,
        peers,
        gatekeeper,
        readiness: process.readiness.clone(),
        stop: process.stop.clone(),
        shared: process.shared.clone(),
        db,
        store,
        media_urls,
        redis,
        tasks: process.tasks.clone(),
    };
    watch_dependencies::<S>(&platform);
    Ok(platform)
}

fn watch_dependencies<S: Service>(platform: &Platform) {
    let readiness = &platform.readiness;
    if let Some(db) = platform.db.clone() {
        readiness.require(format!("{}.database", S::NAME), move || {
            let db = db.clone();
            async move { Ok(db.ping().await?) }
        });
    }
    if let Some(store) = platform.store.clone() {
        readiness.require(format!("{}.store", S::NAME), move || {
            let store = store.clone();
            async move { Ok(store.probe().await?) }
        });
    }
    if S::NEEDS.auth_keys {
        let verifier = platform.gatekeeper.verifier.clone();
        let fresh = verifier.clone();
        readiness.require(format!("{}.auth_keys", S::NAME), move || {
            let ready = fresh.is_ready();
            async move { if ready { Ok(()) } else { anyhow::bail!("no keys from auth yet") } }
        });
        let stop = platform.stop.clone();
        platform.spawn("auth_keys", async move {
            // Often until there are keys, then now and then: keys rotate.
            loop {
                let outcome = verifier.refresh().await;
                let pause = match (outcome, verifier.is_ready()) {
                    (Ok(()), true) => Duration::from_secs(60),
                    (Err(_), true) => Duration::from_secs(5),
                    (_, false) => Duration::from_millis(100),
                };
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }
}

/// gRPC, REST and raw routes on one router.
async fn router(surface: Surface, platform: &Platform) -> Result<Router> {
    let timeout = platform.settings.server.request_timeout;
    let mut grpc = RoutesBuilder::default();
    let mut handlers = Vec::new();
    let (health, health_service) = tonic_health::server::health_reporter();
    for endpoint in surface.endpoints {
        health.set_service_status(endpoint.name, tonic_health::ServingStatus::Serving).await;
        (endpoint.grpc)(&mut grpc);
        handlers.extend(endpoint.rest);
    }
    grpc.add_service(health_service);
    grpc.add_service(
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(fenz_contract::DESCRIPTORS)
            .build_v1()?,
    );
    report_health(platform, health);
    let routes = Arc::new(RouteTable::new());
    let rest = surface.fallback.unwrap_or_else(|| {
        let rest = Rest {
            routes: routes.clone(),
            handlers: handlers.into(),
            gatekeeper: platform.gatekeeper.clone(),
            timeout,
        };
        Router::new().fallback(rest::handle).with_state(rest)
    });
    // tonic's own fallback answers every unknown path as gRPC; ours is REST.
    let rpc = grpc.routes().into_axum_router().reset_fallback();
    let rpc = server::rpc(rpc, routes, timeout);
    Ok(rpc.merge(surface.raw).fallback_service(rest))
}

/// Keeps gRPC health at what readiness says: `readiness` and the empty name;
/// `liveness` is the process itself.
fn report_health(platform: &Platform, health: tonic_health::server::HealthReporter) {
    let (readiness, stop) = (platform.readiness.clone(), platform.stop.clone());
    platform.spawn("health", async move {
        health.set_service_status("liveness", tonic_health::ServingStatus::Serving).await;
        loop {
            let status = if readiness.problems().await.is_empty() {
                tonic_health::ServingStatus::Serving
            } else {
                tonic_health::ServingStatus::NotServing
            };
            health.set_service_status("", status).await;
            health.set_service_status("readiness", status).await;
            tokio::select! {
                () = stop.cancelled() => {
                    for name in ["", "readiness"] {
                        health.set_service_status(name, tonic_health::ServingStatus::NotServing).await;
                    }
                    return Ok(());
                }
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
            }
        }
    });
}

/// First thing in every main: what must be set once in a process.
pub fn prepare() {
    // Two TLS providers are compiled in; rustls wants one chosen.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    ops::recorder();
}

/// Waits for the end: SIGTERM, SIGINT or a background task that died. Drains,
/// then says whether all was well.
pub async fn finish(process: &Process) -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be listened to");
        return ExitCode::FAILURE;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = process.stop.cancelled() => {}
    }
    tracing::info!("stopping");
    process.readiness.drain();
    process.stop.cancel();
    process.tasks.close();
    tokio::select! {
        () = process.tasks.wait() => {}
        // A second signal is meant hard.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = tokio::time::sleep(Duration::from_millis(9_500)) => tracing::warn!("some tasks did not end in time"),
    }
    if FAILED.load(std::sync::atomic::Ordering::Acquire) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Serves health, readiness and metrics for as long as the process lives.
pub fn serve_ops(process: &Process, listener: TcpListener) {
    let service = Observed::new("ops", ops::routes(process.readiness.clone()));
    // Not stopped with the rest: readiness must be seen red while it drains.
    tokio::spawn(server::serve(listener, service, settings::ServerSettings::default(), CancellationToken::new()));
    tokio::spawn(ops::keep_metrics_small());
}
