//! A platform in one process: `fenzvideo` on a free port, used over HTTP.

use std::{
    env,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{
    account::{self, PASSWORD},
    http::Client,
    process::Process,
};

const READY_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Platform {
    pub process: Process,
    pub address: SocketAddr,
    /// From the start of the program until the gateway was ready.
    pub start_took: Duration,
    data: PathBuf,
}

pub struct PublishedVideo {
    pub token: String,
    pub path: String,
}

impl Platform {
    /// Starts with a data folder, which may have been used before.
    pub fn start(binary: &Path, data: &Path) -> Result<Self> {
        let address = fenz_testkit::free_address();
        let log = data.with_extension("log");
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(binary);
        // The caller's settings belong to another platform.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FENZ_")) {
            command.env_remove(name);
        }
        command
            .env("FENZ_DATA_DIR", data)
            .env("FENZ_GATEWAY__LISTEN", address.to_string())
            .env("FENZ_GATEWAY__RATE_LIMIT__ANONYMOUS_PER_MINUTE", "0")
            .env("FENZ_GATEWAY__RATE_LIMIT__USER_PER_MINUTE", "0")
            .env("FENZ_GATEWAY__CONNECTIONS_PER_ADDRESS", "0")
            .env("FENZ_AUTH__ADMIN__USERNAME", "bench_admin")
            .env("FENZ_AUTH__ADMIN__EMAIL", "admin@example.org")
            .env("FENZ_AUTH__ADMIN__PASSWORD", PASSWORD)
            .stdout(output.try_clone()?)
            .stderr(output);
        let begun = Instant::now();
        let process = Process::start(&mut command)?;
        while !is_ready(address) {
            if process.has_exited()? || begun.elapsed() > READY_TIMEOUT {
                let log = fs::read_to_string(&log).unwrap_or_default();
                bail!("{} did not become ready; end of the log:\n{}", binary.display(), tail(&log, 20));
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(Self { process, address, start_took: begun.elapsed(), data: data.to_owned() })
    }

    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// Registers an account and returns its access token.
    pub fn register(&self, username: &str) -> Result<String> {
        Ok(account::register(self.address, username)?.token)
    }

    pub fn upload(&self, token: &str, file: &Path) -> Result<Value> {
        Client::connect(self.address)?.upload("/api/v1/upload/video", token, file)
    }

    /// Registers an account, uploads a video, publishes it and reads it.
    pub fn publish_video(&self, video: &Path) -> Result<PublishedVideo> {
        let token = self.register("bench_creator")?;
        let upload = account::upload(self.address, &token, video)?;
        let mut client = Client::connect(self.address)?;
        let path = account::publish(&mut client, &token, &upload)?;
        // It is published once media has looked into the file.
        let begun = Instant::now();
        while client.get(&path)?.status == 404 && begun.elapsed() < READY_TIMEOUT {
            thread::sleep(Duration::from_millis(50));
        }
        client.get(&path)?.success()?;
        Ok(PublishedVideo { token, path })
    }

    /// The content of a service's SQLite database, including its write-ahead log.
    pub fn database(&self, service: &str) -> Result<Vec<u8>> {
        let mut bytes = fs::read(self.data.join(format!("{service}.db")))?;
        bytes.extend(fs::read(self.data.join(format!("{service}.db-wal"))).unwrap_or_default());
        Ok(bytes)
    }
}

fn is_ready(address: SocketAddr) -> bool {
    Client::connect(address).and_then(|mut client| client.get("/readyz")).is_ok_and(|reply| reply.status == 200)
}

pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
