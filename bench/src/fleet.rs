//! The services as processes of their own, on PostgreSQL and JetStream.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use fenz_chassis::identity::Ed25519Key;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tokio::runtime::Runtime;

use crate::{
    http::Client,
    measure::{Bench, say},
    process::Process,
    store,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// The gateway comes last: it is ready when the others are.
const SERVICES: [&str; 6] = ["auth", "content", "media", "channel", "notification", "gateway"];

/// Dropped, its processes and databases are gone. Its stream stays with the
/// broker, which is one for tests.
pub struct Fleet {
    pub gateway: SocketAddr,
    pub runtime: Runtime,
    processes: BTreeMap<&'static str, Process>,
    addresses: BTreeMap<&'static str, SocketAddr>,
    databases: BTreeMap<&'static str, String>,
    admin: DatabaseConnection,
    /// Lives as long.
    _store: Process,
}

impl Fleet {
    pub fn start(bench: &Bench, name: &str) -> Result<Self> {
        let runtime = Runtime::new()?;
        let servers = servers()?;
        let admin = runtime.block_on(Database::connect(&servers.postgres))?;
        let unique = format!("bench_{name}_{:08x}", rand::random::<u32>());
        let folder = bench.path(&unique);
        fs::create_dir_all(folder.join("objects"))?;
        let (store, store_address) = store::start(&folder.join("objects"))?;
        let mut settings = shared_settings(&servers, &unique, store_address);
        let (server, _) = servers.postgres.rsplit_once('/').context("a database URL ends with a name")?;
        let (mut addresses, mut databases, mut trusted) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for service in SERVICES {
            let (key, upper) = (Ed25519Key::generate(), service.to_uppercase());
            let address = free_address()?;
            trusted.push(format!("{service}={}", key.public_base64()));
            settings.insert(format!("FENZ_{upper}__INTERNAL__KEY"), key.to_base64());
            settings.insert(format!("FENZ_{upper}__LISTEN"), address.to_string());
            settings.insert(format!("FENZ_{upper}__OPS__LISTEN"), free_address()?.to_string());
            addresses.insert(service, address);
            if service != "gateway" {
                let database = format!("{unique}_{service}");
                runtime.block_on(admin.execute_unprepared(&format!("CREATE DATABASE {database}")))?;
                settings.insert(format!("FENZ_PEERS__{upper}"), format!("http://{address}"));
                settings.insert(format!("FENZ_{upper}__DATABASE__URL"), format!("{server}/{database}"));
                databases.insert(service, format!("{server}/{database}"));
            }
        }
        settings.insert("FENZ_INTERNAL__TRUSTED".to_owned(), trusted.join(","));
        let gateway = addresses["gateway"];
        let mut fleet =
            Self { gateway, runtime, processes: BTreeMap::new(), addresses, databases, admin, _store: store };
        for service in SERVICES {
            let program = bench.program(&format!("fenz-{service}"))?;
            fleet.processes.insert(service, start(&program, &folder, &settings)?);
        }
        fleet.wait_until_ready(&folder)?;
        Ok(fleet)
    }

    fn wait_until_ready(&mut self, folder: &Path) -> Result<()> {
        let begun = Instant::now();
        let mut waiting: Vec<_> = SERVICES.to_vec();
        while let Some(service) = waiting.last() {
            let address = self.addresses[service];
            // Any answer of a service; the gateway's says whether it is ready.
            let path = if *service == "gateway" { "/readyz" } else { "/" };
            let reply = Client::connect(address).and_then(|mut client| client.get(path));
            if reply.is_ok_and(|reply| *service != "gateway" || reply.status == 200) {
                waiting.pop();
                continue;
            }
            if begun.elapsed() > READY_TIMEOUT {
                bail!("fenz-{service} did not become ready; its log is in {}", folder.display());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub fn address(&self, service: &str) -> SocketAddr {
        self.addresses[service]
    }

    pub fn process(&self, service: &str) -> &Process {
        &self.processes[service]
    }

    /// Runs SQL on a service's database.
    pub fn sql(&self, service: &str, statements: &[String]) -> Result<()> {
        self.runtime.block_on(async {
            let db = Database::connect(&self.databases[service]).await?;
            for statement in statements {
                db.execute_unprepared(statement).await.with_context(|| statement.clone())?;
            }
            Ok(db.close().await?)
        })
    }

    /// Ends all, the gateway first.
    pub fn stop(mut self) -> Result<()> {
        for service in SERVICES.iter().rev() {
            if let Some(process) = self.processes.remove(service) {
                process.stop()?;
            }
        }
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.processes.clear();
        for name in self.databases.values().filter_map(|url| url.rsplit('/').next()) {
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            if let Err(error) = self.runtime.block_on(self.admin.execute_unprepared(&drop)) {
                say(format_args!("{name} is left over: {error}"));
            }
        }
    }
}

fn shared_settings(servers: &Servers, unique: &str, store_address: SocketAddr) -> BTreeMap<String, String> {
    [
        ("FENZ_BUS__URL", servers.nats.as_str()),
        ("FENZ_BUS__STREAM", unique),
        ("FENZ_BUS__PREFIX", unique),
        ("FENZ_STORE__ENDPOINT", &format!("http://{store_address}")),
        ("FENZ_STORE__BUCKET", store::BUCKET),
        ("FENZ_STORE__ACCESS_KEY", store::KEY),
        ("FENZ_STORE__SECRET_KEY", store::KEY),
        ("FENZ_MEDIA_URL__KEYS", "k1=a-secret-of-the-benchmark"),
        ("FENZ_DATABASE__MAX_CONNECTIONS", "10"),
        ("FENZ_GATEWAY__RATE_LIMIT__ANONYMOUS_PER_MINUTE", "0"),
        ("FENZ_GATEWAY__RATE_LIMIT__USER_PER_MINUTE", "0"),
        ("FENZ_TELEMETRY__LEVEL", "warn"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn start(program: &Path, folder: &Path, settings: &BTreeMap<String, String>) -> Result<Process> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(program);
    // The settings of whoever runs this are about another platform.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FENZ_")) {
        command.env_remove(name);
    }
    Process::start(command.envs(settings).current_dir(folder).stdout(log.try_clone()?).stderr(log))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

struct Servers {
    postgres: String,
    nats: String,
}

/// Those of the tests, which are started when they do not run.
fn servers() -> Result<Servers> {
    let mut told = String::new();
    Ok(Servers { postgres: find("FENZ_TEST_POSTGRES", &mut told)?, nats: find("FENZ_TEST_NATS", &mut told)? })
}

/// From the environment, or else as the script tells.
fn find(name: &str, told: &mut String) -> Result<String> {
    if let Ok(value) = env::var(name) {
        return Ok(value);
    }
    if told.is_empty() {
        say("using scripts/test-servers; `scripts/test-servers stop` ends them");
        script("start")?;
        *told = script("env")?;
    }
    let value = told.lines().find_map(|line| line.trim_start_matches("export ").strip_prefix(name)?.strip_prefix('='));
    Ok(value.with_context(|| format!("{name} is not set"))?.to_owned())
}

fn script(argument: &str) -> Result<String> {
    let output = Command::new("scripts/test-servers").arg(argument).current_dir(ROOT).output()?;
    ensure!(output.status.success(), "scripts/test-servers {argument}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
