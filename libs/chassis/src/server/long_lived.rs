//! Long-lived responses: event streams, thousands at a time.
//!
//! hyper keeps two buffers of 8 KiB and more for each connection. It writes the
//! head of such a response; then the socket and the body are taken from it, and its
//! buffers are freed.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::{Buf, Bytes};
use http::{HeaderValue, Method, Request, Version, header};
use http_body_util::BodyExt;
use hyper::{
    body::{Body as HttpBody, Frame},
    rt::{Read, ReadBufCursor, Write},
    server::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{connection::ConnectionService, write_timeout::WriteTimeout};

/// An extension of a response whose body is long-lived: the connection ends with it.
#[derive(Clone, Copy)]
pub struct LongLived;

/// What a connection of HTTP/1.1 and the response on it share.
#[derive(Default)]
pub struct ConnectionState {
    /// The body of a long-lived response whose head hyper has.
    body: Mutex<Option<Body>>,
    /// The socket accepts no more bytes for now.
    is_blocked: AtomicBool,
    /// How many were received so far.
    pub requests: AtomicUsize,
}

impl ConnectionState {
    /// Whether a response to this request can be detached: others have no body,
    /// or end in another way.
    pub fn suits<B>(request: &Request<B>) -> bool {
        request.version() == Version::HTTP_11 && request.method() == Method::GET
    }

    /// Takes the body of a long-lived response from hyper.
    pub fn hold(self: &Arc<Self>, response: Response) -> Response {
        if response.extensions().get::<LongLived>().is_none() {
            return response;
        }
        let mut response = response.map(|body| Body::new(DetachedBody { body: Some(body), state: self.clone() }));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// The body, once the socket has all of its head.
    fn take(&self) -> Option<Body> {
        if self.is_blocked.load(Ordering::Relaxed) {
            return None;
        }
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Hands the body over when hyper has put the head into its buffer and asks for
/// more; there is never any here.
struct DetachedBody {
    body: Option<Body>,
    state: Arc<ConnectionState>,
}

impl HttpBody for DetachedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(body) = self.body.take() {
            *self.state.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
        Poll::Pending
    }
}

/// Notes whether the last write waits.
pub struct Socket {
    stream: TokioIo<WriteTimeout>,
    state: Arc<ConnectionState>,
}

impl Socket {
    pub fn new(stream: WriteTimeout, state: Arc<ConnectionState>) -> Self {
        Self { stream: TokioIo::new(stream), state }
    }

    fn noted<T>(&self, written: Poll<T>) -> Poll<T> {
        self.state.is_blocked.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// hyper's part of a connection: all of it, or up to the head of a long-lived
/// response, whose body is streamed without hyper.
pub struct HeadPhase {
    connection: Option<http1::UpgradeableConnection<Socket, ConnectionService>>,
    state: Arc<ConnectionState>,
}

impl HeadPhase {
    pub fn new(
        connection: http1::UpgradeableConnection<Socket, ConnectionService>,
        state: Arc<ConnectionState>,
    ) -> Self {
        Self { connection: Some(connection), state }
    }

    pub fn graceful_shutdown(mut self: Pin<&mut Self>) {
        if let Some(connection) = &mut self.connection {
            Pin::new(connection).graceful_shutdown();
        }
    }
}

impl Future for HeadPhase {
    type Output = hyper::Result<Option<(WriteTimeout, Body)>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(Ok(None)) };
        if let Poll::Ready(ended) = Pin::new(connection).poll(cx) {
            return Poll::Ready(ended.map(|()| None));
        }
        let Some(body) = self.state.take() else { return Poll::Pending };
        let parts = self.connection.take().and_then(http1::UpgradeableConnection::into_parts);
        Poll::Ready(Ok(parts.map(|parts| (parts.io.stream.into_inner(), body))))
    }
}

/// Sends the body in chunks, as the head that hyper wrote says, until it ends or
/// the client disconnects.
pub async fn stream_body(mut stream: WriteTimeout, mut body: Body) -> Result<(), axum::BoxError> {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            gone = gone(stream.get_ref()) => return Ok(gone?),
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame?.into_data() else { continue };
        // An empty chunk would be the end.
        if !data.is_empty() {
            let length = Bytes::from(format!("{:x}\r\n", data.len()));
            stream.write_all_buf(&mut length.chain(data).chain(&b"\r\n"[..])).await?;
        }
    }
    stream.write_all(b"0\r\n\r\n").await?;
    Ok(stream.shutdown().await?)
}

/// Waits until the client closes. What it sends until then is discarded.
async fn gone(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; 512]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
