//! Services side by side in one test, reaching each other over loopback.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use fenz_chassis::{
    Process, Requirements, Service, Settings,
    identity::{Authorizer, Ed25519Key, ServiceIdentity, TrustedServices, Verifier},
    peers::{PeerChannel, PeerSettings, Peers},
    settings::{IdentitySettings, Sources},
};
use fenz_contract::routes::HOSTS;
use fenz_core::{Role, UserId};
use fenz_database::DatabaseSettings;
use tokio::net::TcpListener;

use crate::{Database, StandInAuth};

/// Others know the addresses of these from the beginning, of all others only
/// when they start after them: they can do without those.
const ALWAYS_KNOWN: [&str; 3] = ["auth", "content", "media"];
const S3_KEY: &str = "sandbox";
/// Keeps a run of many tests within what one database server allows.
const CONNECTIONS: &str = "6";

/// The services that a sandbox has a port for.
fn services() -> impl Iterator<Item = &'static str> {
    std::iter::once("gateway").chain(HOSTS.iter().copied())
}

/// A fleet of a test's own. Dropped, it takes everything with it.
pub struct Sandbox {
    pub process: Process,
    pub auth: StandInAuth,
    pub(crate) http: reqwest::Client,
    database: Database,
    folder: tempfile::TempDir,
    sources: Sources,
    listeners: BTreeMap<&'static str, TcpListener>,
    addresses: BTreeMap<&'static str, SocketAddr>,
    keys: BTreeMap<&'static str, Ed25519Key>,
    trusted: String,
}

impl Sandbox {
    /// An empty fleet: ports, keys and an object store, but no service yet.
    ///
    /// # Errors
    /// When a port or the store cannot be had.
    pub async fn new(database: Database) -> Result<Self> {
        fenz_chassis::prepare();
        let process = Process::default();
        let mut sandbox = Self {
            auth: StandInAuth::new(process.clock.clone()),
            http: reqwest::Client::new(),
            process,
            database,
            folder: tempfile::tempdir()?,
            sources: Sources::default(),
            listeners: BTreeMap::new(),
            addresses: BTreeMap::new(),
            keys: BTreeMap::new(),
            trusted: String::new(),
        };
        sandbox.reserve().await?;
        sandbox.serve_store().await?;
        Ok(sandbox)
    }

    async fn reserve(&mut self) -> Result<()> {
        let mut trusted = Vec::new();
        for name in services() {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let key = Ed25519Key::generate();
            trusted.push(format!("{name}={}", key.public_base64()));
            self.sources.set(&[name, "internal", "key"], &key.to_base64())?;
            if ALWAYS_KNOWN.contains(&name) {
                self.sources.set(&["peers", name], &format!("http://{address}"))?;
            }
            self.listeners.insert(name, listener);
            self.addresses.insert(name, address);
            self.keys.insert(name, key);
        }
        self.trusted = trusted.join(",");
        self.sources.set(&["internal", "trusted"], &self.trusted)?;
        let index = self.folder.path().join("search");
        self.sources.set(&["recommendation", "index_dir"], &index.to_string_lossy())?;
        self.sources.set(&["media_url", "keys"], "t1=a-secret-of-the-sandbox")?;
        self.sources.set(&["database", "max_connections"], CONNECTIONS)
    }

    async fn serve_store(&mut self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        for (key, value) in
            [("endpoint", endpoint.as_str()), ("bucket", "fenzvideo"), ("access_key", S3_KEY), ("secret_key", S3_KEY)]
        {
            self.sources.set(&["store", key], value)?;
        }
        let settings = fenz_s3_folder::Settings {
            root: self.objects(),
            bucket: "fenzvideo".to_owned(),
            access_key: S3_KEY.to_owned(),
            secret_key: S3_KEY.to_owned(),
        };
        let server = fenz_s3_folder::Server::new(settings, listener)?;
        tokio::spawn(server.run(self.process.stop.clone()));
        Ok(())
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
        let listener = self.take_listener(S::NAME)?;
        if S::Requirements::sections().contains(&"database") {
            let url = self.database.create(self.folder.path(), S::NAME).await?;
            self.sources.set(&[S::NAME, "database", "url"], &url)?;
        }
        fenz_chassis::start::<S>(&self.sources, &self.process, listener).await?;
        self.process.readiness.started();
        Ok(())
    }

    /// Starts another replica of a service that runs, over the same database,
    /// and tells where it is.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_replica<S: Service>(&self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let launched = fenz_chassis::start::<S>(&self.sources, &self.process, listener).await?;
        Ok(format!("http://{}", launched.address))
    }

    /// Starts the stand-in for the auth service.
    ///
    /// # Errors
    /// When auth runs already.
    #[expect(clippy::unused_async, reason = "needs the runtime, as every start does")]
    pub async fn start_auth_stand_in(&mut self) -> Result<()> {
        let listener = self.listeners.remove("auth").context("auth runs already")?;
        let routes = self.auth_stand_in()?;
        let stop = self.process.stop.clone();
        tokio::spawn(async move {
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
        if HOSTS.contains(&service) && !ALWAYS_KNOWN.contains(&service) {
            self.sources.set(&["peers", service], &self.url(service))?;
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
        Peers::new(settings, Some(identity)).require(to)
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
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.process.stop.cancel();
        self.process.shared.clear();
    }
}
