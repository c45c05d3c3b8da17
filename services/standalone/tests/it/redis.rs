//! A Redis of a test's own, to be stopped and started again.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::platform::free_address;

/// Gone when it is dropped.
pub struct Redis {
    address: SocketAddr,
    folder: PathBuf,
    child: Child,
}

impl Redis {
    /// None where the machine has no Redis. What it holds is in memory alone.
    pub async fn start(folder: &Path) -> Option<Self> {
        let address = free_address().await;
        let child = launch(address, folder)?;
        let redis = Self { address, folder: folder.to_owned(), child };
        redis.wait().await;
        Some(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again at the same address, empty.
    pub async fn restart(&mut self) {
        self.child = launch(self.address, &self.folder).unwrap();
        self.wait().await;
    }

    /// What a command answers.
    pub async fn ask(&self, command: &[&str]) -> String {
        let mut client = Command::new("redis-cli");
        client.args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()]).args(command);
        String::from_utf8(client.output().await.expect("redis-cli").stdout).unwrap().trim().to_owned()
    }

    async fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("redis-server does not listen on {}", self.address);
    }
}

fn launch(address: SocketAddr, folder: &Path) -> Option<Child> {
    let port = address.port().to_string();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().ok()
}
