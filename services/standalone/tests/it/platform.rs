//! Starts and stops the platform's programs.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use fenz_chassis::identity::Ed25519Key;
use fenz_contract::routes::HOSTS;
use fenz_core::Random;
use fenz_testkit::{Client, Database, Redis, free_address};
use reqwest::Method;
use tokio::process::{Child, Command};

pub const ADMIN_PASSWORD: &str = "an-administrator's-password";

/// A program of ours with a clean environment; gone when it is dropped.
pub struct Program {
    pub name: String,
    child: Child,
    output: PathBuf,
}

impl Program {
    /// Starts a program of this build. What it prints goes into a file.
    pub fn start(name: &str, folder: &Path, settings: &[(String, String)]) -> Self {
        let fenzvideo = PathBuf::from(env!("CARGO_BIN_EXE_fenzvideo"));
        let path = fenzvideo.with_file_name(name);
        assert!(path.exists(), "{} is not built: run `cargo build --workspace --bins` first", path.display());
        let output = folder.join(format!("{name}.out"));
        let log = File::options().create(true).append(true).open(folder.join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(path);
        for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("FENZ_")) {
            command.env_remove(key);
        }
        let child = command
            .envs(settings.iter().cloned())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&output).unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { name: name.to_owned(), child, output }
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends SIGTERM.
    pub async fn signal(&self) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    }

    /// Sends SIGTERM and waits; how long it took, and whether it ended well.
    pub async fn terminate(&mut self) -> (Duration, bool) {
        let started = Instant::now();
        self.signal().await;
        let status = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await.expect("it ends").unwrap();
        (started.elapsed(), status.success())
    }

    /// Waits for it to end by itself.
    pub async fn ended(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await.expect("it ends").unwrap().success()
    }
}

/// A platform that answers at `url`.
pub struct Platform {
    pub url: String,
    /// Without a token.
    pub client: Client,
    pub folder: tempfile::TempDir,
    pub programs: Vec<Program>,
    /// Where each service keeps its rows.
    pub databases: BTreeMap<String, String>,
    /// The fleet's own, where the machine has one.
    pub redis: Option<Redis>,
    settings: Vec<(String, String)>,
}

fn common_settings() -> Vec<(String, String)> {
    [
        ("FENZ_GATEWAY__RATE_LIMIT__ANONYMOUS_PER_MINUTE", "0"),
        ("FENZ_GATEWAY__RATE_LIMIT__USER_PER_MINUTE", "0"),
        ("FENZ_AUTH__ADMIN__USERNAME", "root_admin"),
        ("FENZ_AUTH__ADMIN__EMAIL", "root@example.org"),
        ("FENZ_AUTH__ADMIN__PASSWORD", ADMIN_PASSWORD),
        ("FENZ_TELEMETRY__LEVEL", "info"),
        ("FENZ_CONTENT__VIEWS__FLUSH_EVERY", "1s"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .to_vec()
}

impl Platform {
    /// Everything in one process.
    pub async fn standalone(extra: &[(&str, &str)]) -> Self {
        let address = free_address();
        let mut settings = common_settings();
        settings.push(("FENZ_GATEWAY__LISTEN".into(), address.to_string()));
        settings.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let mut platform = Self {
            url: format!("http://{address}"),
            client: Client::new(format!("http://{address}")),
            folder: tempfile::tempdir().unwrap(),
            programs: Vec::new(),
            databases: BTreeMap::new(),
            redis: None,
            settings,
        };
        for service in HOSTS {
            let file = platform.folder.path().join("data").join(service).with_extension("db");
            platform.databases.insert((*service).to_owned(), format!("sqlite://{}", file.display()));
        }
        platform.start_again().await;
        platform
    }

    /// Starts the one process again after it ended.
    pub async fn start_again(&mut self) {
        self.programs = vec![Program::start("fenzvideo", self.folder.path(), &self.settings)];
        self.wait_until_ready().await;
    }

    /// Every service as a process of its own.
    pub async fn fleet(extra: &[(&str, &str)]) -> Self {
        fenz_chassis::prepare();
        let folder = tempfile::tempdir().unwrap();
        let mut shared = common_settings();
        let mut set = |key: &str, value: &str| shared.push((key.to_owned(), value.to_owned()));
        set("FENZ_STORE__FOLDER", &folder.path().join("objects").to_string_lossy());
        set("FENZ_MEDIA_URL__KEYS", "k1=a-secret-of-the-fleet");
        set("FENZ_DATABASE__MAX_CONNECTIONS", "10");
        if let Some(nats) = fenz_testkit::Server::Nats.url() {
            // A stream of the fleet's own: others share the server.
            let name = free_address().port().to_string();
            set("FENZ_BUS__URL", &nats);
            set("FENZ_BUS__STREAM", &format!("FLEET{name}"));
            set("FENZ_BUS__PREFIX", &format!("fleet{name}"));
        }
        let redis = Redis::start().await;
        if let Some(redis) = &redis {
            set("FENZ_REDIS__URL", &redis.url());
        }
        set("FENZ_RECOMMENDATION__INDEX_DIR", &folder.path().join("search").to_string_lossy());
        let services = HOSTS.iter().copied().chain(["gateway"]);
        let mut databases = BTreeMap::new();
        let mut trusted = Vec::new();
        let mut url = String::new();
        for service in services.clone() {
            let (key, upper) = (Ed25519Key::generate(&Random::default()), service.to_uppercase());
            trusted.push(format!("{service}={}", key.public_base64()));
            set(&format!("FENZ_{upper}__INTERNAL__KEY"), &key.to_base64());
            let address = free_address();
            set(&format!("FENZ_{upper}__LISTEN"), &address.to_string());
            set(&format!("FENZ_{upper}__OPS__LISTEN"), &free_address().to_string());
            if service == "gateway" {
                url = format!("http://{address}");
            } else {
                set(&format!("FENZ_PEERS__{upper}"), &format!("http://{address}"));
                let database = Database::of_a_fleet().create(folder.path(), service).await.unwrap();
                set(&format!("FENZ_{upper}__DATABASE__URL"), &database);
                databases.insert(service.to_owned(), database);
            }
        }
        set("FENZ_INTERNAL__TRUSTED", &trusted.join(","));
        shared.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let start = |service: &str| Program::start(&format!("fenz-{service}"), folder.path(), &shared);
        let programs = services.map(start).collect();
        let client = Client::new(&url);
        let platform = Self { url, client, folder, programs, databases, redis, settings: shared };
        platform.wait_until_ready().await;
        platform
    }

    /// Ends one service of a fleet without warning.
    pub async fn kill(&mut self, service: &str) {
        let name = format!("fenz-{service}");
        let program = self.programs.iter_mut().find(|program| program.name == name);
        program.expect("a service of the fleet").kill().await;
    }

    /// Starts a service of a fleet again.
    pub fn restart(&mut self, service: &str) {
        let name = format!("fenz-{service}");
        self.programs.retain(|program| program.name != name);
        self.programs.push(Program::start(&name, self.folder.path(), &self.settings));
    }

    pub async fn register(&self, name: &str) -> Client {
        self.client.signed_in(&self.client.register(name).await)
    }

    pub async fn administrator(&self) -> Client {
        self.client.signed_in(&self.client.login("root_admin", ADMIN_PASSWORD).await)
    }

    pub async fn wait_until_ready(&self) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(60) {
            let answer = self.client.request(Method::GET, "/readyz").send().await;
            if answer.is_ok_and(|a| a.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            if entry.path().extension().is_some_and(|e| e == "log" || e == "out") {
                eprintln!("{}:\n{}", entry.path().display(), std::fs::read_to_string(entry.path()).unwrap());
            }
        }
        panic!("the platform at {} is not ready after a minute", self.url);
    }

    /// Every file of the object store.
    pub fn objects(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let root = ["data/objects", "objects"].map(|p| self.folder.path().join(p)).into_iter().find(|p| p.exists());
        list(&root.expect("an object store"), &mut files);
        files.sort();
        files
    }
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { list(&path, into) } else { into.push(path) }
    }
}
