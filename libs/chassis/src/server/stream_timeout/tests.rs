//! Clients of HTTP/2 that open the window of a stream as they like.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use fenz_core::Random;
use futures::{StreamExt, stream};
use h2::{
    Reason, RecvStream,
    client::{Connection, SendRequest},
};
use http::{Request, StatusCode};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    server::{AddressLimit, Observed, serve},
    settings::ServerSettings,
};

const LIMIT: Duration = Duration::from_millis(500);
/// The window of a stream, unless the client says otherwise.
const WINDOW: u32 = 65_535;

struct Client {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    /// Cancelled when the body of `/endless` is dropped.
    dropped: CancellationToken,
}

impl Client {
    async fn connect(window: u32) -> Self {
        let dropped = CancellationToken::new();
        let on_drop = dropped.clone();
        let endless = async move || {
            let guard = on_drop.clone().drop_guard();
            chunks(stream::repeat_with(move || {
                let _dropped_with_the_body = &guard;
                Bytes::from_static(&[7; 10_000])
            }))
        };
        let rare = async || {
            let late = stream::once(async {
                sleep(3 * LIMIT).await;
                Bytes::from_static(b"two")
            });
            chunks(stream::iter([Bytes::from_static(b"one")]).chain(late))
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/large", get(async || vec![7; 200_000]))
            .route("/endless", get(endless))
            .route("/rare", get(rare));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let settings = ServerSettings { write_timeout: LIMIT, ..ServerSettings::default() };
        tokio::spawn(serve(
            listener,
            Observed::new("test", router, Random::default()),
            settings,
            AddressLimit::default(),
            CancellationToken::new(),
        ));
        let mut builder = h2::client::Builder::new();
        let (requests, connection): (_, Connection<_, Bytes>) = builder
            .initial_window_size(window)
            .initial_connection_window_size(1 << 24)
            .handshake(stream)
            .await
            .unwrap();
        Self { requests, connection: tokio::spawn(connection), dropped }
    }

    async fn get(&mut self, path: &str) -> RecvStream {
        let request = Request::get(format!("http://host{path}")).body(()).unwrap();
        let response = self.requests.send_request(request, true).unwrap().0.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body()
    }
}

fn chunks(chunks: impl stream::Stream<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(chunks.map(Ok::<_, Infallible>))
}

/// Reads without opening the window again: how much came, and how it ended.
async fn read(mut body: RecvStream) -> (usize, Option<h2::Error>) {
    let mut length = 0;
    loop {
        match timeout(20 * LIMIT, body.data()).await.expect("an end") {
            Some(Ok(data)) => length += data.len(),
            Some(Err(error)) => return (length, Some(error)),
            None => return (length, None),
        }
    }
}

fn is_reset(end: Option<&h2::Error>) -> bool {
    end.is_some_and(|error| error.is_reset() && error.reason() == Some(Reason::CANCEL))
}

#[tokio::test]
async fn a_stream_whose_window_stays_shut_is_reset_and_the_others_go_on() {
    let mut client = Client::connect(WINDOW).await;
    let (endless, rare) = (client.get("/endless").await, client.get("/rare").await);
    let (length, end) = read(endless).await;
    assert!(length == WINDOW as usize && is_reset(end.as_ref()), "{length} {end:?}");
    timeout(LIMIT, client.dropped.cancelled()).await.expect("the body is dropped");
    // A stream with nothing to say is not one whose client does not read.
    let (length, end) = read(rare).await;
    assert!(length == 6 && end.is_none(), "{length} {end:?}");
    let (length, end) = read(client.get("/").await).await;
    assert!(length == 4 && end.is_none(), "{length} {end:?}");
}

#[tokio::test]
async fn a_response_in_one_piece_is_reset_too() {
    let mut client = Client::connect(WINDOW).await;
    let (length, end) = read(client.get("/large").await).await;
    assert!(length == WINDOW as usize && is_reset(end.as_ref()), "{length} {end:?}");
    let mut client = Client::connect(0).await;
    let (length, end) = read(client.get("/").await).await;
    assert!(length == 0 && is_reset(end.as_ref()), "{length} {end:?}");
}

#[tokio::test]
async fn a_short_response_that_is_queued_to_its_end_ends_the_connection() {
    let mut client = Client::connect(1).await;
    let (length, end) = read(client.get("/").await).await;
    assert!(length == 1 && end.is_some_and(|error| !error.is_reset()), "{length}");
    timeout(LIMIT, client.connection).await.expect("an end").unwrap().ok();
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    let mut client = Client::connect(WINDOW).await;
    let (mut body, began) = (client.get("/large").await, Instant::now());
    let mut length = 0;
    while let Some(data) = timeout(20 * LIMIT, body.data()).await.expect("more") {
        let data = data.unwrap();
        length += data.len();
        sleep(LIMIT / 4).await;
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(length, 200_000);
    assert!(began.elapsed() > 2 * LIMIT, "{:?}", began.elapsed());
}
