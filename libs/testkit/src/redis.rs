//! A Redis of a test's own, to stop, to empty and to start again.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fenz_core::Random;
use tokio::net::TcpStream;

use crate::{free_address, required_or_skip};

/// Stopped when dropped; keeps its data in memory only.
pub struct Redis {
    address: SocketAddr,
    server: Option<Child>,
}

impl Redis {
    /// Reserves an address without starting it. None where `redis-server` is neither
    /// installed nor required.
    ///
    /// # Panics
    /// When it is required and not installed.
    pub fn reserve() -> Option<Self> {
        let exists = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        let found = exists.is_ok_and(|status| status.success()).then_some(());
        required_or_skip(found, "redis-server (not installed)")?;
        Some(Self { address: free_address(), server: None })
    }

    /// As `reserve`, started.
    pub async fn start() -> Option<Self> {
        let mut redis = Self::reserve()?;
        redis.run().await;
        Some(redis)
    }

    /// Starts it, empty, at the same address as before.
    ///
    /// # Panics
    /// When it does not listen within thirty seconds.
    pub async fn run(&mut self) {
        let port = self.address.port().to_string();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.server = Some(server.expect("redis-server starts"));
        for _ in 0..3_000 {
            if TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not listen on {}", self.address);
    }

    /// Ends it at once, with all it held.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Sends it a signal: after `-STOP` it keeps its connections and answers
    /// nothing, until `-CONT`.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, name: &str) {
        let pid = self.server.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().is_ok_and(|status| status.success()));
    }

    /// A prefix of keys that no other test has, for a server that many use.
    pub fn prefix() -> String {
        format!("t{:016x}", Random::default().value::<u64>())
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// What a command answers, as `redis-cli` prints it to a program: one line
    /// for each value.
    ///
    /// # Panics
    /// When it cannot be asked.
    pub async fn ask(&self, command: &[&str]) -> String {
        let mut client = tokio::process::Command::new("redis-cli");
        client.args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()]).args(command);
        let output = client.output().await.expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
