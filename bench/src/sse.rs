//! Clients of server-sent events: one stream read line by line, or thousands.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Semaphore,
    task::JoinSet,
};

pub const PATH: &str = "/api/v1/notifications/stream";
const TIMEOUT: Duration = Duration::from_secs(30);
/// Streams opened concurrently.
const MAX_OPENING: usize = 64;

/// One open stream.
pub struct EventStream(BufReader<TcpStream>);

impl EventStream {
    /// Opens a stream and waits until it is connected.
    pub fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        write!(stream, "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")?;
        let mut opened = Self(BufReader::new(stream));
        opened.line(": connected")?;
        Ok(opened)
    }

    /// Waits for the next event and returns its JSON.
    pub fn next(&mut self) -> Result<String> {
        self.line("data: ")
    }

    /// The rest of the next line with a prefix.
    fn line(&mut self, prefix: &str) -> Result<String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line)? > 0, "the event stream ended");
            // Keep-alive comments do not extend the deadline.
            ensure!(Instant::now() < deadline, "no event on the stream within {TIMEOUT:?}");
            if let Some(rest) = line.strip_prefix(prefix) {
                return Ok(rest.trim_end().to_owned());
            }
        }
    }
}

/// Streams opened with tickets, all waiting for one event.
pub struct WaitingStreams {
    streams: JoinSet<Result<Instant>>,
}

impl WaitingStreams {
    pub async fn open(address: SocketAddr, tickets: impl IntoIterator<Item = String>) -> Result<Self> {
        let semaphore = Arc::new(Semaphore::new(MAX_OPENING));
        let mut opening = JoinSet::new();
        for ticket in tickets {
            let semaphore = semaphore.clone();
            opening.spawn(async move {
                let _permit = semaphore.acquire_owned().await?;
                tokio::time::timeout(TIMEOUT, open(address, &ticket)).await.context("a stream did not open")?
            });
        }
        let mut streams = JoinSet::new();
        while let Some(opened) = opening.join_next().await {
            let mut stream = opened??;
            streams.spawn(async move {
                read_until(&mut stream, b"data: ").await?;
                Ok(Instant::now())
            });
        }
        Ok(Self { streams })
    }

    /// Waits until each stream has its event, and returns when they came.
    pub async fn received(&mut self) -> Result<Vec<Instant>> {
        let mut times = Vec::new();
        while let Some(received) =
            tokio::time::timeout(TIMEOUT, self.streams.join_next()).await.context("a stream received no event")?
        {
            times.push(received??);
        }
        Ok(times)
    }
}

async fn open(address: SocketAddr, ticket: &str) -> Result<tokio::net::TcpStream> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {PATH}?ticket={ticket} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    read_until(&mut stream, b": connected").await?;
    Ok(stream)
}

async fn read_until(stream: &mut tokio::net::TcpStream, expected: &[u8]) -> Result<()> {
    let mut received = Vec::new();
    loop {
        ensure!(stream.read_buf(&mut received).await? > 0, "the stream ended: {}", String::from_utf8_lossy(&received));
        if received.windows(expected.len()).any(|window| window == expected) {
            return Ok(());
        }
    }
}
