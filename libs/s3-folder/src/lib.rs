//! An in-process S3 server over a folder, for the standalone platform and for tests.
//!
//! It is s3s with its folder backend, so that the rest of the platform knows one
//! kind of object store only. What it does not give:
//! - It does not sync files to the disk: what it acknowledged may be lost when the
//!   power goes. A fleet uses a real object store.
//! - It cannot list multipart uploads. Their parts lie in the folder's root until
//!   they are completed or aborted, so whoever starts one keeps its id.

mod folder;
mod orphans;

use std::{io, path::PathBuf, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use folder::Folder;

/// How long open connections may take to end once a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the folder {path} cannot be used: {reason}")]
    Folder { path: PathBuf, reason: String },
}

/// What is served, and to whom.
pub struct Settings {
    /// Where buckets are folders and objects are files. Made when missing.
    pub root: PathBuf,
    /// The bucket that is there from the start.
    pub bucket: String,
    pub access_key: String,
    pub secret_key: String,
}

/// A server that is ready to run: its folder is there and may be written.
pub struct Server {
    service: s3s::service::S3Service,
    listener: TcpListener,
}

impl Server {
    /// Prepares the folder.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(settings: Settings, listener: TcpListener) -> Result<Self, Error> {
        let Settings { root, bucket, access_key, secret_key } = settings;
        let unusable = |reason: String| Error::Folder { path: root.clone(), reason };
        std::fs::create_dir_all(root.join(&bucket)).map_err(|e| unusable(e.to_string()))?;
        orphans::remove(&root).map_err(|e| unusable(e.to_string()))?;
        let folder = Folder::new(&root).map_err(unusable)?;
        let mut builder = S3ServiceBuilder::new(folder);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        Ok(Self { service: builder.build(), listener })
    }

    /// Serves until `shutdown`, then lets open requests end.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        let connections = Builder::new(TokioExecutor::new());
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, or the peer left early: neither ends the server.
                    tracing::warn!(%error, "s3 connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            stream.set_nodelay(true)?;
            let connection = connections.serve_connection(TokioIo::new(stream), self.service.clone());
            let connection = graceful.watch(connection.into_owned());
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(error, "s3 connection ended early");
                }
            });
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::debug!("s3 connections still open at the end of the drain");
        }
        Ok(())
    }
}
