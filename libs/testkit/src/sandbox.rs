//! Services side by side in one test, reaching each other over loopback or in
//! memory.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::OnceLock, thread, time::Duration};

use anyhow::{Context, Result};
use fenz_chassis::{
    Launched, Process, Requirements, Service, Settings,
    identity::{Authorizer, Ed25519Key, ServiceIdentity, TrustedServices, Verifier},
    local::LocalServices,
    peers::{IN_PROCESS, PeerChannel, PeerSettings, Peers},
    settings::{IdentitySettings, Sources},
};
use fenz_contract::routes::HOSTS;
use fenz_core::{Role, UserId};
use fenz_database::DatabaseSettings;
use fenz_events::MailboxRegistry;
use serde::de::IgnoredAny;
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};

use crate::{Database, StandInAuth, client, database::Connections, leftovers};

/// Others know the addresses of these from the beginning, of all others only
/// when they start after them: they can do without those.
const ALWAYS_KNOWN: [&str; 3] = ["auth", "content", "media"];
/// Keeps a run of many tests within what one database server allows.
const CONNECTIONS: &str = "6";
/// How long events may take to be delivered after the test, which may have
/// published them in its last moment. Longer than an event may wait for the
/// relay's sweep, and a failed call for its next try.
const LEFTOVERS_TIMEOUT: Duration = Duration::from_secs(20);
/// The name of [`crate::EventStub`] as a service.
pub const STUB: &str = "stub";

/// How services reach each other. Tests reach them over their ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// As in a fleet.
    Loopback,
    /// As in standalone.
    InProcess,
}

/// The services that a sandbox has a port for.
fn services() -> impl Iterator<Item = &'static str> {
    ["gateway", STUB].into_iter().chain(HOSTS.iter().copied())
}

/// A fleet of a test's own. Dropped, it takes everything with it, and fails the
/// test when events were not delivered or work failed.
pub struct Sandbox {
    pub process: Process,
    pub auth: StandInAuth,
    pub(crate) http: reqwest::Client,
    database: Database,
    transport: Transport,
    folder: tempfile::TempDir,
    sources: Sources,
    listeners: BTreeMap<&'static str, std::net::TcpListener>,
    addresses: BTreeMap<&'static str, SocketAddr>,
    keys: BTreeMap<&'static str, Ed25519Key>,
    trusted: String,
    pub(crate) connections: Connections,
    /// The services' own, which goes on while the test's thread is blocked in `drop`.
    runtime: Option<Runtime>,
    databases: Vec<(&'static str, String)>,
    /// Why events and failed work may be left.
    leftovers_allowed: OnceLock<&'static str>,
}

impl Sandbox {
    /// An empty fleet: ports, keys and an object store, but no service yet.
    ///
    /// # Errors
    /// When a port or a folder cannot be had.
    pub async fn new(database: Database) -> Result<Self> {
        Self::with_transport(database, Transport::Loopback).await
    }

    /// The same with a choice of how services reach each other.
    ///
    /// # Errors
    /// When a port or a folder cannot be had.
    #[expect(clippy::unused_async, reason = "called like every start, from a runtime")]
    pub async fn with_transport(database: Database, transport: Transport) -> Result<Self> {
        fenz_chassis::prepare();
        let mut process = Process::default();
        process.local = LocalServices::all();
        let mut sandbox = Self {
            auth: StandInAuth::new(process.clock.clone()),
            http: client::http(),
            process,
            database,
            transport,
            folder: tempfile::tempdir()?,
            sources: Sources::default(),
            listeners: BTreeMap::new(),
            addresses: BTreeMap::new(),
            keys: BTreeMap::new(),
            trusted: String::new(),
            connections: Connections::default(),
            runtime: Some(runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?),
            databases: Vec::new(),
            leftovers_allowed: OnceLock::new(),
        };
        sandbox.reserve()?;
        Ok(sandbox)
    }

    fn reserve(&mut self) -> Result<()> {
        let mut trusted = Vec::new();
        for name in services() {
            let listener = bind()?;
            let address = listener.local_addr()?;
            let key = Ed25519Key::generate(&self.process.random);
            trusted.push(format!("{name}={}", key.public_base64()));
            self.sources.set(&[name, "internal", "key"], &key.to_base64())?;
            self.listeners.insert(name, listener);
            self.addresses.insert(name, address);
            self.keys.insert(name, key);
        }
        for name in ALWAYS_KNOWN {
            self.make_known(name)?;
        }
        self.trusted = trusted.join(",");
        self.sources.set(&["internal", "trusted"], &self.trusted)?;
        let index = self.folder.path().join("search");
        self.sources.set(&["recommendation", "index_dir"], &index.to_string_lossy())?;
        self.sources.set(&["store", "folder"], &self.objects().to_string_lossy())?;
        self.sources.set(&["media_url", "keys"], "t1=a-secret-of-the-sandbox")?;
        self.sources.set(&["database", "max_connections"], CONNECTIONS)
    }

    /// Sets a key, e.g. `content.edit_cooldown`, for services started after.
    ///
    /// # Errors
    /// When the key lies below another that is a value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.sources.set(&key.split('.').collect::<Vec<_>>(), value)
    }

    /// The settings of a service.
    ///
    /// # Errors
    /// Names the key and what it should be.
    pub fn settings<S: Service>(&self) -> Result<(Settings, S::Config)> {
        fenz_chassis::check::<S>(&self.sources)
    }

    /// Starts a service; `Sandbox::url` tells where.
    ///
    /// # Errors
    /// When it does not start, or runs already.
    pub async fn start<S: Service>(&mut self) -> Result<()> {
        let listener = self.take_reserved(S::NAME)?;
        if S::Requirements::sections().contains(&"database") {
            let url = self.database.create(self.folder.path(), S::NAME).await?;
            self.sources.set(&[S::NAME, "database", "url"], &url)?;
            self.databases.push((S::NAME, url));
        }
        self.launch::<S>(listener).await?;
        self.process.readiness.started();
        Ok(())
    }

    /// Starts another replica of a service that runs, over the same database,
    /// and tells where it is.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_replica<S: Service>(&self) -> Result<String> {
        let listener = bind()?;
        let url = format!("http://{}", listener.local_addr()?);
        self.launch::<S>(listener).await?;
        Ok(url)
    }

    async fn launch<S: Service>(&self, listener: std::net::TcpListener) -> Result<Launched> {
        let listener = self.on_runtime(listener)?;
        let (sources, process) = (self.sources.clone(), self.process.clone());
        self.runtime().spawn(async move { fenz_chassis::start::<S>(&sources, &process, Some(listener)).await }).await?
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("until it is dropped")
    }

    fn on_runtime(&self, listener: std::net::TcpListener) -> Result<TcpListener> {
        let _entered = self.runtime().enter();
        Ok(TcpListener::from_std(listener)?)
    }

    /// Starts the stand-in for the auth service.
    ///
    /// # Errors
    /// When auth runs already.
    #[expect(clippy::unused_async, reason = "needs the runtime, as every start does")]
    pub async fn start_auth_stand_in(&mut self) -> Result<()> {
        let listener = self.take_reserved("auth")?;
        let listener = self.on_runtime(listener)?;
        let routes = self.auth_stand_in()?;
        let stop = self.process.stop.clone();
        self.runtime().spawn(async move {
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            tonic::transport::Server::builder()
                .add_routes(routes)
                .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
                .await
        });
        Ok(())
    }

    /// The stand-in for the auth service, behind the checks of the contract.
    ///
    /// # Errors
    /// Never for the keys of a sandbox.
    pub fn auth_stand_in(&self) -> Result<tonic::service::Routes> {
        let authorizer = Authorizer {
            verifier: Verifier::new(&IdentitySettings::default(), self.process.clock.clone()),
            services: TrustedServices::new(&self.trusted, self.process.clock.clone())?,
        };
        let mut routes = tonic::service::RoutesBuilder::default();
        (self.auth.endpoint(authorizer).grpc)(&mut routes);
        Ok(routes.routes())
    }

    /// Takes a service's port, for a stand-in of the test's own.
    ///
    /// # Errors
    /// When the service runs already.
    pub fn take_listener(&mut self, service: &str) -> Result<TcpListener> {
        Ok(TcpListener::from_std(self.take_reserved(service)?)?)
    }

    /// Tells the services that start from now on where a service is.
    fn make_known(&mut self, service: &str) -> Result<()> {
        let address = match self.transport {
            Transport::Loopback => self.url(service),
            Transport::InProcess => IN_PROCESS.to_owned(),
        };
        self.sources.set(&["peers", service], &address)
    }

    fn take_reserved(&mut self, service: &str) -> Result<std::net::TcpListener> {
        if HOSTS.contains(&service) && !ALWAYS_KNOWN.contains(&service) {
            self.make_known(service)?;
        }
        self.listeners.remove(service).with_context(|| format!("{service} runs already"))
    }

    /// Where a service is, e.g. `http://127.0.0.1:40123`.
    ///
    /// # Panics
    /// When there is no such service.
    pub fn url(&self, service: &str) -> String {
        format!("http://{}", self.addresses[service])
    }

    /// The database that a service uses.
    ///
    /// # Errors
    /// When the service was not started.
    pub fn database_url(&self, service: &str) -> Result<String> {
        let (settings, _) = self.sources.service::<serde_json::Value>(service)?;
        Ok(settings.section::<DatabaseSettings>("database")?.url.expose().to_owned())
    }

    /// A connection to one service that proves to be from another.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn peer(&self, from: &'static str, to: &str) -> Result<PeerChannel> {
        let key = self.keys.get(from).with_context(|| format!("no service {from}"))?;
        let identity = ServiceIdentity::new(from, key, self.process.clock.clone());
        let addresses = HOSTS.iter().map(|name| ((*name).to_owned(), self.url(name)));
        let settings = PeerSettings::try_from(addresses.collect::<BTreeMap<_, _>>()).map_err(anyhow::Error::msg)?;
        Peers::new(settings, LocalServices::default(), Some(identity)).require(to)
    }

    /// An access token that the stand-in for auth signs.
    pub fn token(&self, user: i64, role: Role) -> String {
        self.auth.token(UserId(user), role)
    }

    /// Where the object store keeps its objects.
    pub fn objects(&self) -> std::path::PathBuf {
        self.folder.path().join("objects")
    }

    /// A folder of the test's own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops every service and waits until they are gone.
    pub async fn stop(&self) {
        self.process.stop.cancel();
        self.process.tasks.close();
        self.process.tasks.wait().await;
    }

    /// Lets the test end with events that are not delivered and with failed work,
    /// for a reason.
    pub fn allow_leftovers(&self, reason: &'static str) {
        self.leftovers_allowed.get_or_init(|| reason);
    }

    /// What is left in the services' databases.
    fn leftovers(&self) -> Vec<String> {
        // What a stopping service published last may wait for its next start.
        let is_running = !self.process.stop.is_cancelled();
        let is_open = self.process.shared.get::<MailboxRegistry>().is_open();
        let has_bus = is_open || self.sources.service("").is_ok_and(|(s, IgnoredAny)| !s.bus.url.is_empty());
        let timeout = if is_running { LEFTOVERS_TIMEOUT } else { Duration::ZERO };
        leftovers::find(self.runtime(), self.databases.clone(), has_bus && is_running, timeout)
    }
}

fn bind() -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let is_exempt = thread::panicking() || self.leftovers_allowed.get().is_some();
        let leftovers = if is_exempt { Vec::new() } else { self.leftovers() };
        self.process.stop.cancel();
        self.process.shared.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        assert!(leftovers.is_empty(), "the test left behind: {}", leftovers.join(", "));
    }
}
