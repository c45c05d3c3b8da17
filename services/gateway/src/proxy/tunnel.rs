//! WebSocket connections: after the handshake, bytes are copied both ways.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{body::Body, response::Response};
use http::{Method, StatusCode, Version, request::Parts};
use http_body::Body as _;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Failure, Protocol, body::Progress, headers};
use crate::domain::websocket::{self, FrameScanner};

/// In bytes, per direction.
const COPY_BUFFER: usize = 8 * 1024;
/// How long shutting down both sides may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Limits and tracks the open tunnels: the listener's connection limit does not
/// count connections after they have switched protocols.
#[derive(Clone)]
pub struct Tunnels {
    permits: Arc<Semaphore>,
    idle_timeout: Duration,
    tasks: TaskTracker,
    draining: CancellationToken,
}

impl Tunnels {
    pub fn new(max_tunnels: usize, idle_timeout: Duration, draining: &CancellationToken) -> Self {
        let permits = Arc::new(Semaphore::new(max_tunnels.min(Semaphore::MAX_PERMITS)));
        Self { permits, idle_timeout, tasks: TaskTracker::new(), draining: draining.clone() }
    }

    /// Waits until the gateway drains, and then until all tunnels are closed.
    pub async fn drained(&self) {
        self.draining.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The client's side of a tunnel, when the request is a WebSocket handshake.
    ///
    /// # Errors
    /// When too many tunnels are open.
    pub fn accept(&self, parts: &mut Parts, body: &Body) -> Result<Option<PendingUpgrade>, Failure> {
        let is_handshake = parts.version == Version::HTTP_11
            && parts.method == Method::GET
            && headers::is_websocket(&parts.headers)
            && body.is_end_stream();
        if !is_handshake {
            return Ok(None);
        }
        let Some(client) = parts.extensions.remove::<OnUpgrade>() else { return Ok(None) };
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| Failure::TooManyTunnels)?;
        Ok(Some(PendingUpgrade { client, permit }))
    }
}

/// A client's WebSocket handshake that the upstream has not answered yet.
pub struct PendingUpgrade {
    client: OnUpgrade,
    permit: OwnedSemaphorePermit,
}

impl PendingUpgrade {
    /// Turns the upstream's `101 Switching Protocols` into the client's, and
    /// starts the task that copies bytes.
    pub fn complete<B>(self, upstream_response: &mut http::Response<B>, tunnels: Tunnels) -> Result<Response, Failure> {
        if !headers::is_websocket(upstream_response.headers()) {
            return Err(Failure::UnexpectedUpgrade);
        }
        let upstream = hyper::upgrade::on(&mut *upstream_response);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = std::mem::take(upstream_response.headers_mut());
        headers::to_client(response.headers_mut(), Protocol::Rest);
        headers::set_websocket_upgrade(response.headers_mut());
        let Tunnels { idle_timeout, tasks, draining, .. } = tunnels;
        tasks.spawn(async move {
            match tokio::try_join!(self.client, upstream) {
                Ok((client, upstream)) => copy_bidirectional(client, upstream, idle_timeout, &draining).await,
                Err(error) => tracing::debug!(%error, "tunnel upgrade failed"),
            }
            drop(self.permit);
        });
        Ok(response)
    }
}

/// Copies until both sides have ended, the tunnel is idle, or the gateway drains.
async fn copy_bidirectional(
    client: Upgraded,
    upstream: Upgraded,
    idle_timeout: Duration,
    draining: &CancellationToken,
) {
    let (mut from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let mut to_client = ScannedWriter { writer: to_client, frames: FrameScanner::default() };
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
            tracing::debug!(%error, "tunnel failed");
        },
        () = idle(&progress, idle_timeout) => tracing::debug!("tunnel closed after its idle timeout"),
        () = draining.cancelled() => {}
    }
    let close_client = async {
        if draining.is_cancelled() && to_client.frames.is_between_frames() {
            to_client.write_all(&websocket::RESTART).await?;
        }
        to_client.shutdown().await
    };
    // A proper shutdown, so that neither side sees a connection reset.
    let shutdown = async { tokio::join!(close_client, to_upstream.shutdown()) };
    tokio::time::timeout(CLOSE_TIMEOUT, shutdown).await.ok();
}

/// Follows the frames that are written.
struct ScannedWriter<W> {
    writer: W,
    frames: FrameScanner,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for ScannedWriter<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.writer).poll_write(cx, bytes))?;
        self.frames.advance(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    progress: &Progress,
) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        progress.touch();
        to.write_all(&buffer[..length]).await?;
        progress.touch();
    }
}

/// Completes when nothing was transferred for this long.
async fn idle(progress: &Progress, timeout: Duration) {
    loop {
        let deadline = progress.last_activity() + timeout;
        if deadline <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(deadline).await;
    }
}
