//! An object store of a test's own.

use std::{net::SocketAddr, path::Path};

use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// An address of which nobody else is given the port while this lives; a store
/// may listen there, and where none does connections are refused.
pub fn held_address() -> (TcpSocket, SocketAddr) {
    let held = TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = held.local_addr().unwrap();
    (held, address)
}

/// An object store that can go and come back at the same address.
pub struct Store {
    stop: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

impl Store {
    pub async fn start(root: &Path, address: SocketAddr) -> Self {
        let settings = fenz_s3_folder::Settings {
            root: root.to_owned(),
            bucket: "fenzvideo".to_owned(),
            access_key: "sandbox".to_owned(),
            secret_key: "sandbox".to_owned(),
        };
        let listener = TcpListener::bind(address).await.unwrap();
        let stop = CancellationToken::new();
        let server = fenz_s3_folder::Server::new(settings, listener).unwrap();
        Self { running: tokio::spawn(server.run(stop.clone())), stop }
    }

    pub async fn go(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}
