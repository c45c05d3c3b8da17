//! WebSocket connections: after the handshake they are bytes both ways.

use std::{io, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use http::{Method, StatusCode, Version, request::Parts};
use http_body::Body as _;
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Failure, Protocol, body::Progress, headers};

/// What is read at once.
const PIECE: usize = 8 * 1024;
/// How long the last bytes may take when a tunnel is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// The tunnels that are open. The listener counts connections only until they
/// switch protocols; here they are counted on.
#[derive(Clone)]
pub struct Tunnels {
    places: Arc<Semaphore>,
    idle: Duration,
    open: TaskTracker,
    stop: CancellationToken,
}

impl Tunnels {
    pub fn new(most: usize, idle: Duration, stop: &CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { places, idle, open: TaskTracker::new(), stop: stop.clone() }
    }

    /// Waits for the end, and then until all are closed.
    pub async fn ended(&self) {
        self.stop.cancelled().await;
        self.open.close();
        self.open.wait().await;
    }

    /// The client's side of a tunnel, when the request is the handshake of one.
    ///
    /// # Errors
    /// When too many are open.
    pub fn entrance(&self, parts: &mut Parts, body: &Body) -> Result<Option<Entrance>, Failure> {
        let is_handshake = parts.version == Version::HTTP_11
            && parts.method == Method::GET
            && headers::is_websocket(&parts.headers)
            && body.is_end_stream();
        if !is_handshake {
            return Ok(None);
        }
        let Some(client) = parts.extensions.remove::<OnUpgrade>() else { return Ok(None) };
        let place = self.places.clone().try_acquire_owned().map_err(|_| Failure::Full)?;
        Ok(Some(Entrance { client, place }))
    }
}

/// A client that waits to be let through.
pub struct Entrance {
    client: OnUpgrade,
    place: OwnedSemaphorePermit,
}

impl Entrance {
    /// Makes an upstream's "101 Switching Protocols" the client's, and carries
    /// bytes from then on.
    pub fn open(self, answer: &mut http::Response<Incoming>, tunnels: Tunnels) -> Result<Response, Failure> {
        if !headers::is_websocket(answer.headers()) {
            return Err(Failure::Unasked);
        }
        let upstream = hyper::upgrade::on(&mut *answer);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        headers::to_client(response.headers_mut(), Protocol::Rest);
        headers::ask_for_websocket(response.headers_mut());
        let Tunnels { idle, open, stop, .. } = tunnels;
        open.spawn(async move {
            match tokio::try_join!(self.client, upstream) {
                Ok((client, upstream)) => carry(client, upstream, idle, &stop).await,
                Err(error) => tracing::debug!(%error, "a tunnel did not open"),
            }
            drop(self.place);
        });
        Ok(response)
    }
}

/// Until both sides have ended, nothing moves any more, or the process stops.
async fn carry(client: Upgraded, upstream: Upgraded, idle: Duration, stop: &CancellationToken) {
    let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (mut from_upstream, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let progress = Progress::new();
    let both_ways = async {
        tokio::try_join!(
            copy(&mut from_client, &mut to_upstream, &progress),
            copy(&mut from_upstream, &mut to_client, &progress),
        )
    };
    tokio::select! {
        ended = both_ways => if let Err(error) = ended {
            tracing::debug!(%error, "a tunnel broke");
        },
        () = still(&progress, idle) => tracing::debug!("a tunnel stood still for too long"),
        () = stop.cancelled() => {}
    }
    // Both sides see an end, not a connection reset, where the network lets them.
    let farewell = async { tokio::join!(to_client.shutdown(), to_upstream.shutdown()) };
    tokio::time::timeout(FAREWELL, farewell).await.ok();
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    progress: &Progress,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        progress.touch();
        to.write_all(&piece[..length]).await?;
        progress.touch();
    }
}

/// Comes back when nothing has moved for this long.
async fn still(progress: &Progress, idle: Duration) {
    loop {
        let deadline = progress.moved_at() + idle;
        if deadline <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(deadline).await;
    }
}
