//! A NATS server of a test's own, which it can stop and start.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Killed when dropped.
pub struct Broker {
    folder: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl Broker {
    /// Not started. None where this machine has no server.
    pub fn new() -> Option<Self> {
        fenz_testkit::Server::Nats.url()?;
        Some(Self { folder: tempfile::tempdir().unwrap(), port: fenz_testkit::free_address().port(), running: None })
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn start(&mut self) {
        let installed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/nats-server");
        let program = if installed.exists() { installed } else { "nats-server".into() };
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts");
        self.running = Some(child);
    }

    /// Kills it, as a power failure would.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it and deletes its data.
    pub fn delete_data(&mut self) {
        self.stop();
        self.folder = tempfile::tempdir().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}
