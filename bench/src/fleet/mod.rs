//! The services as separate processes, on PostgreSQL and JetStream.

mod databases;
mod keys;
mod servers;

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use fenz_chassis::identity::Ed25519Key;
use fenz_contract::routes::HOSTS;
use fenz_core::Random;
use fenz_testkit::free_address;
use tokio::runtime::Runtime;

pub use databases::{Databases, drop_databases};
pub use servers::mariadb;
use servers::{Servers, servers};

use crate::{
    http::Client,
    measure::{Bench, progress},
    process::Process,
};

/// A start may have to load a million videos into a cache.
const READY_TIMEOUT: Duration = Duration::from_secs(300);
/// What no measurement of a whole fleet asks for.
const LEFT_OUT: [&str; 2] = ["admin", "recommendation"];

/// Its processes, databases and keys are removed on drop. Its JetStream stream
/// stays: the broker is a test server.
pub struct Fleet {
    // Fields are in drop order.
    processes: BTreeMap<&'static str, Process>,
    pub databases: Databases,
    pub runtime: Arc<Runtime>,
    programs: BTreeMap<&'static str, PathBuf>,
    addresses: BTreeMap<&'static str, SocketAddr>,
    ops: BTreeMap<&'static str, SocketAddr>,
    /// In start order.
    services: Vec<&'static str>,
    settings: BTreeMap<String, String>,
    folder: PathBuf,
    servers: Servers,
    prefixes: Vec<String>,
}

impl Fleet {
    /// Starts all services except recommendation and admin, without Redis.
    pub fn start(bench: &Bench, name: &str) -> Result<Self> {
        let asked = HOSTS.iter().filter(|host| !LEFT_OUT.contains(host));
        let services: Vec<_> = asked.copied().chain(["gateway"]).collect();
        let mut fleet = Self::prepare(bench, name, &services)?;
        fleet.start_all()?;
        Ok(fleet)
    }

    /// Creates databases, keys and addresses, and starts no service.
    pub fn prepare(bench: &Bench, name: &str, services: &[&'static str]) -> Result<Self> {
        let mut programs = BTreeMap::new();
        for service in services {
            programs.insert(*service, bench.program(&format!("fenz-{service}"))?);
        }
        let runtime = Arc::new(Runtime::new()?);
        let servers = servers()?;
        let mut databases = Databases::new(runtime.clone(), &servers.postgres)?;
        let unique = format!("bench_{name}_{:08x}", Random::default().value::<u32>());
        let folder = bench.path(&unique);
        fs::create_dir_all(&folder)?;
        let mut settings = shared_settings(&servers, &unique);
        // Peers that are not started need an address too.
        for peer in HOSTS.iter().filter(|peer| !services.contains(*peer)) {
            settings.insert(format!("FENZ_PEERS__{}", peer.to_uppercase()), format!("http://{}", free_address()));
        }
        let (mut addresses, mut ops, mut trusted) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for service in services {
            let (key, upper) = (Ed25519Key::generate(&Random::default()), service.to_uppercase());
            let (address, ops_address) = (free_address(), free_address());
            trusted.push(format!("{service}={}", key.public_base64()));
            settings.insert(format!("FENZ_{upper}__INTERNAL__KEY"), key.to_base64());
            settings.insert(format!("FENZ_{upper}__LISTEN"), address.to_string());
            settings.insert(format!("FENZ_{upper}__OPS__LISTEN"), ops_address.to_string());
            addresses.insert(*service, address);
            ops.insert(*service, ops_address);
            if *service != "gateway" {
                let url = databases.create(service, format!("{unique}_{service}"))?;
                settings.insert(format!("FENZ_PEERS__{upper}"), format!("http://{address}"));
                settings.insert(format!("FENZ_{upper}__DATABASE__URL"), url);
            }
        }
        settings.insert("FENZ_INTERNAL__TRUSTED".to_owned(), trusted.join(","));
        Ok(Self {
            processes: BTreeMap::new(),
            databases,
            runtime,
            programs,
            addresses,
            ops,
            services: services.to_vec(),
            settings,
            folder,
            servers,
            prefixes: Vec::new(),
        })
    }

    /// A setting of services started later.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.settings.insert(key.to_owned(), value.into());
    }

    /// Gives services started later a Redis with an unused key prefix.
    pub fn use_empty_redis(&mut self) {
        let prefix = format!("bench_{:08x}", Random::default().value::<u32>());
        let url = self.servers.redis.clone();
        self.set("FENZ_REDIS__URL", url);
        self.set("FENZ_REDIS__PREFIX", &prefix);
        self.prefixes.push(prefix);
    }

    /// Keeps recommendation from building a search index: its folder would be below
    /// a file, and cannot be created.
    pub fn disable_index(&mut self) {
        self.set("FENZ_RECOMMENDATION__INDEX_DIR", "log/none");
    }

    /// Runs a service's migrations before its start.
    pub fn migrate(&self, service: &'static str) -> Result<()> {
        let status = Process::start(self.command(service)?.arg("migrate"))?.wait()?;
        ensure!(status.success(), "fenz-{service} migrate failed; end of the log:\n{}", self.log_tail());
        Ok(())
    }

    pub fn start_all(&mut self) -> Result<()> {
        let services = self.services.clone();
        for service in &services {
            self.launch(service)?;
        }
        services.iter().try_for_each(|service| self.wait_until_ready(service))
    }

    /// Returns the time until it is ready.
    pub fn start_service(&mut self, service: &'static str) -> Result<Duration> {
        let begun = Instant::now();
        self.launch(service)?;
        self.wait_until_ready(service)?;
        Ok(begun.elapsed())
    }

    pub fn stop_service(&mut self, service: &str) -> Result<()> {
        self.processes.remove(service).map_or(Ok(()), Process::stop)
    }

    fn launch(&mut self, service: &'static str) -> Result<()> {
        let process = Process::start(&mut self.command(service)?)?;
        self.processes.insert(service, process);
        Ok(())
    }

    fn command(&self, service: &str) -> Result<Command> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = Command::new(&self.programs[service]);
        // The caller's settings belong to another platform.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FENZ_")) {
            command.env_remove(name);
        }
        command.envs(&self.settings).current_dir(&self.folder).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    fn wait_until_ready(&self, service: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let reply = Client::connect(self.ops[service]).and_then(|mut client| client.get("/readyz"));
            if reply.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            if begun.elapsed() > READY_TIMEOUT || self.processes[service].has_exited()? {
                bail!("fenz-{service} did not become ready; end of the log:\n{}", self.log_tail());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        crate::platform::tail(&text, 20)
    }

    pub fn gateway(&self) -> SocketAddr {
        self.address("gateway")
    }

    pub fn address(&self, service: &str) -> SocketAddr {
        self.addresses[service]
    }

    pub fn process(&self, service: &str) -> &Process {
        &self.processes[service]
    }

    /// In the working directory of the services.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn sql(&self, service: &str, statements: &[String]) -> Result<()> {
        self.databases.run(service, statements)
    }

    /// Stops all services, the gateway first.
    pub fn stop(mut self) -> Result<()> {
        let services: Vec<_> = self.services.iter().rev().copied().collect();
        services.into_iter().try_for_each(|service| self.stop_service(service))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.processes.clear();
        for prefix in &self.prefixes {
            // They expire within an hour.
            if let Err(error) = self.runtime.block_on(keys::remove(&self.servers.redis, prefix)) {
                progress(format_args!("the keys of {prefix} were not removed: {error}"));
            }
        }
    }
}

fn shared_settings(servers: &Servers, unique: &str) -> BTreeMap<String, String> {
    [
        ("FENZ_BUS__URL", servers.nats.as_str()),
        ("FENZ_BUS__STREAM", unique),
        ("FENZ_BUS__PREFIX", unique),
        ("FENZ_STORE__FOLDER", "objects"),
        ("FENZ_MEDIA_URL__KEYS", "k1=a-secret-of-the-benchmark"),
        ("FENZ_DATABASE__MAX_CONNECTIONS", "10"),
        ("FENZ_GATEWAY__RATE_LIMIT__ANONYMOUS_PER_MINUTE", "0"),
        ("FENZ_GATEWAY__RATE_LIMIT__USER_PER_MINUTE", "0"),
        ("FENZ_GATEWAY__CONNECTIONS_PER_ADDRESS", "0"),
        ("FENZ_RECOMMENDATION__INDEX_DIR", "search"),
        ("FENZ_TELEMETRY__LEVEL", "warn"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
