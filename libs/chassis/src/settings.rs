//! Settings: defaults < file < environment, every value checked before a port
//! is bound, every error naming the key and what it should be.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Result, bail};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Requirements, Service, peers::PeerSettings, telemetry::TelemetrySettings};

mod lenient;

/// Text that must not reach a log or a printed setting.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"***\"" })
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "***" })
    }
}

/// What all services share; `FENZ_<SECTION>__…`, or for one service alone
/// `FENZ_<SERVICE>__<SECTION>__…`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `FENZ_<SERVICE>__LISTEN`: where the service listens; without one it is
    /// 127.0.0.1 and its default port.
    #[serde(skip)]
    pub listen: Option<SocketAddr>,
    pub telemetry: TelemetrySettings,
    pub ops: OpsSettings,
    pub internal: InternalSettings,
    pub identity: IdentitySettings,
    pub peers: PeerSettings,
    pub server: ServerSettings,
    pub bus: BusSettings,
    /// The sections of what services require; see [`Settings::section`].
    #[serde(skip)]
    sections: Map<String, Value>,
}

impl Settings {
    /// A section that a [`crate::Requirement`] reads.
    ///
    /// # Errors
    /// Names the key and what it should be.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let section = self.sections.get(name).cloned().unwrap_or_else(|| Value::Object(Map::new()));
        lenient::read(section, &[name])
    }
}

/// `FENZ_BUS__…`: how services tell each other what happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusSettings {
    /// `nats://host:4222`, several of one cluster comma-separated. Without one
    /// events stay in the process.
    pub url: Secret,
    /// The stream's name.
    pub stream: String,
    /// Copies of the stream and of the consumers: 1, or 3 in a cluster.
    pub replicas: usize,
    /// Goes before every subject, so that several fleets can share a server;
    /// each then wants a stream's name of its own.
    pub prefix: String,
}

impl Default for BusSettings {
    fn default() -> Self {
        Self { url: Secret::default(), stream: "FENZ".to_owned(), replicas: 1, prefix: String::new() }
    }
}

/// `FENZ_OPS__…`: health, readiness, metrics.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpsSettings {
    /// Where the ops listener is; without one it is 1000 above the service's
    /// own default port.
    pub listen: Option<SocketAddr>,
}

/// `FENZ_INTERNAL__…`: how services prove to each other who they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InternalSettings {
    /// This service's own Ed25519 seed, base64. `<service> internal-key` makes one.
    pub key: Secret,
    /// Public keys of the services that may call: `auth=<base64>`, comma-separated.
    pub trusted: String,
}

/// `FENZ_IDENTITY__…`: what access tokens say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    pub issuer: String,
    pub audience: String,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self { issuer: "fenzvideo".to_owned(), audience: "fenzvideo".to_owned() }
    }
}

/// `FENZ_SERVER__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// How long a request may take; uploads and media: how long they may idle.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Between red readiness and the end of accepting: balancers notice meanwhile.
    #[serde(with = "humantime_serde")]
    pub pre_drain: Duration,
    /// How long open requests may continue after that.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
    /// How long background work may take to end, and to flush what it holds.
    #[serde(with = "humantime_serde")]
    pub stop_timeout: Duration,
    /// How long a client may take nothing of what it is sent.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// Open connections; more wait in the listener's queue.
    pub max_connections: usize,
    /// Serves gRPC reflection on a service's own port.
    pub reflection: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            pre_drain: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(8),
            stop_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(60),
            max_connections: 10_000,
            reflection: false,
        }
    }
}

/// The sections of [`Settings`].
const SHARED: &[&str] = &["telemetry", "ops", "internal", "identity", "peers", "server", "bus"];
/// The sections that a [`crate::Requirement`] reads.
const REQUIRED: &[&str] = &["database", "store", "media_url", "redis"];
/// Keys that belong to programs, not to a service.
const PROGRAM: &[&str] = &[
    "data_dir",
    "config",
    "test_postgres",
    "test_mariadb",
    "test_nats",
    "test_redis",
    "test_s3",
    "test_require_servers",
    "seed",
];

/// Everything that was set, before it is split by service.
#[derive(Debug, Clone, Default)]
pub struct Sources(Map<String, Value>);

impl Sources {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// When the file is not TOML, or a key belongs to nothing.
    pub fn read(file: Option<&Path>) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Map::new()));
        if let Some(file) = file {
            if !file.exists() {
                bail!("the settings file {} does not exist", file.display());
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        // Values stay text here: a password of digits is not a number.
        let mut sources = Self(figment.extract()?);
        for (key, value) in Env::prefixed("FENZ_").iter().filter_map(|(key, _)| {
            let name = format!("FENZ_{}", key.as_str().to_uppercase());
            Some((key.as_str().to_lowercase(), std::env::var(name).ok()?))
        }) {
            sources.set(&key.split("__").collect::<Vec<_>>(), &value)?;
        }
        sources.check_names()?;
        Ok(sources)
    }

    /// Sets one key, over what is there.
    pub fn set(&mut self, path: &[&str], value: &str) -> Result<()> {
        let mut map = &mut self.0;
        let Some((last, sections)) = path.split_last() else { return Ok(()) };
        for section in sections {
            let entry = map.entry((*section).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = entry else { bail!("{} has no keys below it", env_name(path)) };
            map = inner;
        }
        map.insert((*last).to_owned(), Value::String(value.to_owned()));
        Ok(())
    }

    /// Sets a key unless something did.
    pub fn set_default(&mut self, path: &[&str], value: &str) -> Result<()> {
        if self.get(path).is_none() { self.set(path, value) } else { Ok(()) }
    }

    fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }

    fn check_names(&self) -> Result<()> {
        let services = || ["gateway"].into_iter().chain(fenz_contract::routes::HOSTS.iter().copied());
        for key in self.0.keys() {
            if !is_section(key) && !PROGRAM.contains(&key.as_str()) && !services().any(|service| service == key) {
                bail!(
                    "unknown setting {}: should begin with a section ({}) or a service ({})",
                    env_name(&[key]),
                    [SHARED, REQUIRED].concat().join(", "),
                    services().collect::<Vec<_>>().join(", ")
                );
            }
        }
        Ok(())
    }

    /// What holds for one service: the shared sections with its overrides, and
    /// its own settings.
    ///
    /// # Errors
    /// Names the key and what it should be.
    pub fn service<C: DeserializeOwned>(&self, service: &str) -> Result<(Settings, C)> {
        let own = self.0.get(service).and_then(Value::as_object).cloned().unwrap_or_default();
        let (overrides, mut own): (Map<_, _>, Map<_, _>) = own.into_iter().partition(|(key, _)| is_section(key));
        let listen = own.remove("listen").unwrap_or_default();
        let mut sections: Map<_, _> =
            self.0.iter().filter(|(key, _)| is_section(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        merge(&mut sections, overrides);
        let (shared, sections): (Map<_, _>, Map<_, _>) =
            sections.into_iter().partition(|(key, _)| SHARED.contains(&key.as_str()));
        let mut settings: Settings = lenient::read(Value::Object(shared), &[])?;
        settings.listen = lenient::read(listen, &[service, "listen"])?;
        settings.sections = sections;
        Ok((settings, lenient::read(Value::Object(own), &[service])?))
    }

    /// A section of a program, such as `seed`, or a plain key.
    pub fn program(&self, key: &str) -> Option<String> {
        self.get(&[key])?.as_str().map(str::to_owned)
    }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// The environment variable of a key.
fn env_name(path: &[&str]) -> String {
    format!("FENZ_{}", path.join("__").to_uppercase())
}

fn is_section(key: &str) -> bool {
    [SHARED, REQUIRED].iter().any(|names| names.contains(&key))
}

/// The settings of a service, secrets hidden, for `--print-config`.
pub fn print<S: Service>(settings: &Settings, own: &S::Config) -> Result<String> {
    let mut all: BTreeMap<String, Value> = S::Requirements::read(settings)?;
    if let Value::Object(sections) = serde_json::to_value(settings)? {
        all.extend(sections);
    }
    let mut own = serde_json::to_value(own)?;
    if let Value::Object(own) = &mut own {
        own.insert("listen".to_owned(), serde_json::to_value(settings.listen)?);
    }
    all.insert(S::NAME.to_owned(), own);
    Ok(serde_json::to_string_pretty(&all)?)
}
