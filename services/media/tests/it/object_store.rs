//! An object store per test.

use std::{net::SocketAddr, path::Path};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// An object store that can be stopped and restarted at the same address.
pub struct ObjectStore {
    shutdown: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

impl ObjectStore {
    pub async fn start(root: &Path, address: SocketAddr) -> Self {
        let settings = fenz_s3_folder::Settings {
            root: root.to_owned(),
            bucket: "fenzvideo".to_owned(),
            access_key: "sandbox".to_owned(),
            secret_key: "sandbox".to_owned(),
        };
        let listener = TcpListener::bind(address).await.unwrap();
        let shutdown = CancellationToken::new();
        let server = fenz_s3_folder::Server::new(settings, listener).unwrap();
        Self { running: tokio::spawn(server.run(shutdown.clone())), shutdown }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}
