//! One connection, in the version of HTTP that its client begins with.
//!
//! The first bytes are looked at without taking them: hyper-util's automatic
//! server takes them, for which hyper keeps a buffer of twice the size as long
//! as the connection is open. It matters where thousands stay open.

use std::{
    convert::Infallible,
    error::Error,
    future, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{extract::Request, response::Response};
use futures::{FutureExt, future::BoxFuture};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
};

use super::{
    Observed, drain_on_drop,
    long_lived::{self, ConnectionState, HeadPhase, Socket},
    stream_timeout::{StreamBody, StreamExecutor},
    write_timeout::WriteTimeout,
};

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Request headers, all together.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// What a client of HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How often the beginning is looked at again while there is too little of it.
const PEEK_DELAY: Duration = Duration::from_millis(5);
/// How long a connection of HTTP/2 is kept without a new request; its client may
/// answer pings for ever. One of HTTP/1.1 has the time for headers.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How connections are served.
pub struct Protocols {
    http1: http1::Builder,
    write_timeout: Duration,
    /// How long a client of HTTP/2 may take to its first request.
    first_request: Duration,
    idle: Duration,
}

impl Protocols {
    pub fn new(write_timeout: Duration) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS);
        Self { http1, write_timeout, first_request: HEADER_TIMEOUT, idle: IDLE_TIMEOUT }
    }

    /// Serves a connection to its end. On shutdown it answers the open requests; the
    /// sender of the signal waits until the receiver is dropped.
    pub async fn serve(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        service: Observed,
        mut shutdown: watch::Receiver<()>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let is_http2 = tokio::select! {
            begun = tokio::time::timeout(HEADER_TIMEOUT, begins_http2(&stream)) => begun??,
            _ = shutdown.changed() => return Ok(()),
        };
        let state = Arc::new(ConnectionState::default());
        let stream = WriteTimeout::new(stream, self.write_timeout);
        let answers = ConnectionService { address, service, state: state.clone() };
        if is_http2 {
            let stalled = Arc::new(Notify::new());
            let builder = http2(StreamExecutor::new(self.write_timeout, stalled.clone()));
            let connection = Box::pin(builder.serve_connection(TokioIo::new(stream), StreamService(answers)));
            let idle = Box::pin(idle(state, self.first_request, self.idle));
            return tokio::select! {
                ended = drained(connection, &mut shutdown, idle, http2::Connection::graceful_shutdown) => Ok(ended?),
                () = stalled.notified() => Err("the client does not read".into()),
            };
        }
        let connection = self.http1.serve_connection(Socket::new(stream, state.clone()), answers).with_upgrades();
        let head_phase = Box::pin(HeadPhase::new(connection, state));
        match drained(head_phase, &mut shutdown, future::pending(), HeadPhase::graceful_shutdown).await? {
            Some((stream, body)) => long_lived::stream_body(stream, body).await,
            None => Ok(()),
        }
    }
}

fn http2(executor: StreamExecutor) -> http2::Builder<StreamExecutor> {
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(256)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}

async fn drained<C: Future>(
    mut connection: Pin<Box<C>>,
    shutdown: &mut watch::Receiver<()>,
    idle: impl Future<Output = ()>,
    end: fn(Pin<&mut C>),
) -> C::Output {
    tokio::select! {
        ended = &mut connection => return ended,
        _ = shutdown.changed() => {}
        () = idle => {}
    }
    end(connection.as_mut());
    connection.await
}

/// Comes back when there was no request in the time for headers, or none for so long, or
/// twice as long.
async fn idle(state: Arc<ConnectionState>, first: Duration, span: Duration) {
    tokio::time::sleep(first).await;
    if state.requests.load(Ordering::Relaxed) == 0 {
        return;
    }
    loop {
        let before = state.requests.load(Ordering::Relaxed);
        tokio::time::sleep(span).await;
        if state.requests.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// Answers the requests of one connection.
pub struct ConnectionService {
    address: SocketAddr,
    service: Observed,
    state: Arc<ConnectionState>,
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response;
    type Error = Infallible;
    /// In memory of its own: what hyper keeps for it, it keeps until the end.
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.state.requests.fetch_add(1, Ordering::Relaxed);
        let state = ConnectionState::suits(&request).then(|| self.state.clone());
        let answer = self.service.clone().answer(self.address, drain_on_drop::body(request));
        answer
            .map(move |response| match state {
                Some(state) => Ok(state.hold(response)),
                None => Ok(response),
            })
            .boxed()
    }
}

/// Answers the requests of one connection of HTTP/2.
struct StreamService(ConnectionService);

impl Service<Request<Incoming>> for StreamService {
    type Response = http::Response<StreamBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let ConnectionService { address, service, state } = &self.0;
        state.requests.fetch_add(1, Ordering::Relaxed);
        let answer = service.clone().answer(*address, drain_on_drop::body(request));
        answer.map(|response| Ok(response.map(StreamBody::new))).boxed()
    }
}

async fn begins_http2(stream: &TcpStream) -> io::Result<bool> {
    loop {
        let mut bytes = [0; PREFACE.len()];
        let begun = stream.peek(&mut bytes).await?;
        if begun == 0 || bytes[..begun] != PREFACE[..begun] {
            return Ok(false);
        }
        if begun == PREFACE.len() {
            return Ok(true);
        }
        // There is something to read all the time, so there is no waiting for more.
        tokio::time::sleep(PEEK_DELAY).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body};
    use fenz_core::Random;
    use http_body_util::BodyExt;
    use hyper::client;
    use hyper_util::rt::TokioExecutor;
    use tokio::{net::TcpListener, task::JoinHandle};

    use super::*;

    const SPAN: Duration = Duration::from_millis(200);

    type Client = client::conn::http2::SendRequest<Body>;

    /// A connection over HTTP/2 whose client answers pings, and the two ends of it.
    async fn connected(protocols: Protocols) -> (Client, JoinHandle<()>, JoinHandle<()>) {
        let slow = async move || tokio::time::sleep(5 * SPAN).await;
        let service = Observed::new("test", Router::new().fallback(slow), Random::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let serving = tokio::spawn(async move {
            let tell = watch::Sender::new(());
            protocols.serve(stream, address, service, tell.subscribe()).await.unwrap();
        });
        let (send, connection) =
            client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
        (send, serving, tokio::spawn(async move { connection.await.unwrap() }))
    }

    async fn ends(serving: JoinHandle<()>, client: JoinHandle<()>) {
        tokio::time::timeout(Duration::from_secs(10), serving).await.expect("an end").unwrap();
        client.await.unwrap();
    }

    #[tokio::test]
    async fn an_http2_connection_without_requests_ends_and_what_is_open_is_answered() {
        // The answer takes longer than both.
        let protocols = Protocols { first_request: SPAN, idle: SPAN, ..Protocols::new(Duration::from_secs(60)) };
        let (mut send, serving, client) = connected(protocols).await;
        let answer = send.send_request(Request::new(Body::empty())).await.unwrap();
        assert!(answer.status().is_success());
        answer.into_body().collect().await.unwrap();
        ends(serving, client).await;
    }

    #[tokio::test]
    async fn an_http2_connection_that_asks_nothing_at_its_start_ends() {
        let protocols = Protocols { first_request: SPAN, ..Protocols::new(Duration::from_secs(60)) };
        let (_send, serving, client) = connected(protocols).await;
        ends(serving, client).await;
    }
}
