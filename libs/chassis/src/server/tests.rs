//! Over real sockets, byte by byte.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, response::Response, routing::get};
use bytes::Bytes;
use fenz_core::Random;
use futures::channel::mpsc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{AddressLimit, LongLived, Observed, serve};
use crate::settings::ServerSettings;

const SOON: Duration = Duration::from_secs(5);

type Frame = Result<Bytes, std::io::Error>;

/// A server whose `/events` lasts as long as what feeds it.
struct Server {
    address: SocketAddr,
    /// What feeds each stream that was opened.
    opened: tokio::sync::mpsc::UnboundedReceiver<mpsc::Sender<Frame>>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let (head_phase, opened) = tokio::sync::mpsc::unbounded_channel();
        let events = move || {
            let head_phase = head_phase.clone();
            async move {
                let (sender, frames) = mpsc::channel::<Frame>(8);
                head_phase.send(sender).expect("the test goes on");
                let mut response = Response::new(Body::from_stream(frames));
                response.extensions_mut().insert(LongLived);
                response
            }
        };
        let router = Router::new().route("/events", get(events)).route("/", get(async || "here"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let service = Observed::new("test", router, Random::default());
        let running =
            tokio::spawn(serve(listener, service, ServerSettings::default(), AddressLimit::default(), stop.clone()));
        Self { address, opened, stop, running }
    }

    async fn say(&self, text: &str) -> Client {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        Client { stream, received: String::new() }
    }

    async fn feeder(&mut self) -> mpsc::Sender<Frame> {
        tokio::time::timeout(SOON, self.opened.recv()).await.unwrap().unwrap()
    }
}

struct Client {
    stream: TcpStream,
    received: String,
}

impl Client {
    /// Reads until this has come; all up to there.
    async fn until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.received.find(wanted) {
                let rest = self.received.split_off(at + wanted.len());
                return std::mem::replace(&mut self.received, rest);
            }
            assert!(self.read().await > 0, "it ended after {:?}", self.received);
        }
    }

    /// All that is left up to the end.
    async fn rest(mut self) -> String {
        while self.read().await > 0 {}
        self.received
    }

    async fn read(&mut self) -> usize {
        let mut bytes = [0; 1024];
        let read = tokio::time::timeout(SOON, self.stream.read(&mut bytes)).await.expect("something comes").unwrap();
        self.received += std::str::from_utf8(&bytes[..read]).unwrap();
        read
    }
}

fn send(feeder: &mut mpsc::Sender<Frame>, text: &'static str) {
    feeder.try_send(Ok(Bytes::from_static(text.as_bytes()))).unwrap();
}

#[tokio::test]
async fn a_lasting_answer_comes_in_chunks_and_its_connection_ends_with_it() {
    let mut server = Server::start().await;
    // After another request on the same connection.
    let mut client = server.say("GET / HTTP/1.1\r\nhost: h\r\n\r\nGET /events HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(client.until("\r\n\r\nhere").await.starts_with("HTTP/1.1 200 OK\r\n"));
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("transfer-encoding: chunked\r\n") && head.contains("connection: close\r\n"), "{head}");
    let mut feeder = server.feeder().await;
    send(&mut feeder, "one");
    client.until("3\r\none\r\n").await;
    // An empty chunk would be the end.
    send(&mut feeder, "");
    send(&mut feeder, "0123456789abcdef!");
    assert_eq!(client.until("!\r\n").await, "11\r\n0123456789abcdef!\r\n");
    drop(feeder);
    assert_eq!(client.rest().await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_client_that_goes_takes_its_stream_along() {
    let mut server = Server::start().await;
    let mut client = server.say("GET /events HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let mut feeder = server.feeder().await;
    client.until("\r\n\r\n").await;
    // What it says meanwhile is not answered, and ends nothing.
    client.stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    send(&mut feeder, "one");
    assert_eq!(client.until("one\r\n").await, "3\r\none\r\n");
    drop(client);
    for _ in 0..500 {
        if feeder.is_closed() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the stream is still fed");
}

#[tokio::test]
async fn those_who_know_no_chunks_or_want_the_head_alone_get_it_too() {
    let mut server = Server::start().await;
    let mut client = server.say("GET /events HTTP/1.0\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert!(!head.contains("chunked"), "{head}");
    let mut feeder = server.feeder().await;
    send(&mut feeder, "one");
    drop(feeder);
    assert_eq!(client.rest().await, "one");
    let mut client = server.say("HEAD /events HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(client.until("\r\n\r\nhere").await.matches("HTTP/1.1 200 OK").count() == 2);
}

#[tokio::test]
async fn the_version_is_found_however_it_comes() {
    let server = Server::start().await;
    let mut client = server.say("P").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    client.stream.write_all(b"RI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    tokio::time::timeout(SOON, client.stream.read_exact(&mut frame)).await.unwrap().unwrap();
    assert_eq!(frame[3], 4, "the server's settings");
    let mut client = server.say("PO").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    client.stream.write_all(b"ST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn told_to_stop_it_waits_for_streams_and_for_nobody_silent() {
    let mut server = Server::start().await;
    let mut client = server.say("GET /events HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let (silent, mut half) = (server.say("").await, server.say("PRI").await);
    client.until("\r\n\r\n").await;
    let mut feeder = server.feeder().await;
    server.stop.cancel();
    assert_eq!(silent.rest().await, "");
    assert_eq!(half.stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    send(&mut feeder, "last");
    client.until("4\r\nlast\r\n").await;
    assert!(!server.running.is_finished());
    drop(feeder);
    assert_eq!(client.rest().await, "0\r\n\r\n");
    tokio::time::timeout(SOON, server.running).await.unwrap().unwrap();
}
