//! A Redis of a test's own, which it can stop and start.

use std::process::{Child, Command, Stdio};

/// Dropped, it is gone.
pub struct OwnRedis {
    folder: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl OwnRedis {
    /// Not running yet. None where this machine has no server.
    pub fn new() -> Option<Self> {
        std::env::var("FENZ_TEST_REDIS").ok()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self { folder: tempfile::tempdir().unwrap(), port, running: None })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn start(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        self.running = Some(child);
    }

    /// At once, with all it held.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It keeps its connections and answers nothing, until it is continued.
    pub fn signal(&self, name: &str) {
        let pid = self.running.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
