//! A whole platform of its own: `fenzvideo` with an empty data folder, on a free
//! port, asked over HTTP like any client does.

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
    store::PART_BYTES,
};

const READY_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Platform {
    pub process: Process,
    pub address: SocketAddr,
    /// From the start of the program until the gateway said that it is ready.
    pub start_took: Duration,
    data: PathBuf,
}

/// What the tour leaves.
pub struct Tour {
    pub token: String,
    /// The path of a published video.
    pub video: String,
}

impl Platform {
    /// Starts on a data folder, which may hold what an earlier one left.
    pub fn start(binary: &Path, data: &Path) -> Result<Self> {
        let address = fenz_testkit::free_address();
        let log = data.with_extension("log");
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(binary);
        // The settings of whoever runs this are about another platform.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FENZ_")) {
            command.env_remove(name);
        }
        command
            .env("FENZ_DATA_DIR", data)
            .env("FENZ_GATEWAY__LISTEN", address.to_string())
            .env("FENZ_GATEWAY__RATE_LIMIT__ANONYMOUS_PER_MINUTE", "0")
            .env("FENZ_GATEWAY__RATE_LIMIT__USER_PER_MINUTE", "0")
            .env("FENZ_AUTH__ADMIN__USERNAME", "bench_admin")
            .env("FENZ_AUTH__ADMIN__EMAIL", "admin@example.org")
            .env("FENZ_AUTH__ADMIN__PASSWORD", PASSWORD)
            .env("FENZ_MEDIA__PART_BYTES", PART_BYTES.to_string())
            .stdout(output.try_clone()?)
            .stderr(output);
        let begun = Instant::now();
        let process = Process::start(&mut command)?;
        while !is_ready(address) {
            if process.has_ended()? || begun.elapsed() > READY_TIMEOUT {
                let said = fs::read_to_string(&log).unwrap_or_default();
                bail!("{} did not become ready; it said:\n{}", binary.display(), last_lines(&said, 20));
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(Self { process, address, start_took: begun.elapsed(), data: data.to_owned() })
    }

    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// Makes an account and gives its access token.
    pub fn register(&self, username: &str) -> Result<String> {
        Ok(account::register(self.address, username)?.token)
    }

    pub fn upload(&self, token: &str, file: &Path) -> Result<Value> {
        Client::connect(self.address)?.upload("/api/v1/upload/video", token, file)
    }

    /// Registers, uploads a video, publishes it and reads it.
    pub fn tour(&self, video: &Path) -> Result<Tour> {
        let token = self.register("bench_creator")?;
        let upload = account::upload(self.address, &token, video)?;
        let mut client = Client::connect(self.address)?;
        let video = account::publish(&mut client, &token, &upload)?;
        client.get(&video)?.success()?;
        Ok(Tour { token, video })
    }

    /// A file of the data folder with everything that was written to it: SQLite
    /// has the newest in a file beside it.
    pub fn database(&self, service: &str) -> Result<Vec<u8>> {
        let mut bytes = fs::read(self.data.join(format!("{service}.db")))?;
        bytes.extend(fs::read(self.data.join(format!("{service}.db-wal"))).unwrap_or_default());
        Ok(bytes)
    }
}

fn is_ready(address: SocketAddr) -> bool {
    Client::connect(address).and_then(|mut client| client.get("/readyz")).is_ok_and(|reply| reply.status == 200)
}

pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
