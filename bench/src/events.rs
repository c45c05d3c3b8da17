//! Server-sent events: one stream that is read line by line, or thousands.

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
/// Streams that are opened at the same time.
const OPENING: usize = 64;

/// One open stream.
pub struct EventStream(BufReader<TcpStream>);

impl EventStream {
    /// Opens a stream and waits until it is there.
    pub fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        write!(stream, "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")?;
        let mut opened = Self(BufReader::new(stream));
        opened.line(": connected")?;
        Ok(opened)
    }

    /// Waits for the next event; its JSON.
    pub fn next(&mut self) -> Result<String> {
        self.line("data: ")
    }

    /// The rest of the next line that begins so.
    fn line(&mut self, beginning: &str) -> Result<String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line)? > 0, "the stream of events ended");
            // It says that it is alive now and then.
            ensure!(Instant::now() < deadline, "no event on the stream within {TIMEOUT:?}");
            if let Some(rest) = line.strip_prefix(beginning) {
                return Ok(rest.trim_end().to_owned());
            }
        }
    }
}

/// Streams that were opened with tickets, all waiting for one event.
pub struct Crowd {
    waiting: JoinSet<Result<Instant>>,
}

impl Crowd {
    pub async fn open(address: SocketAddr, tickets: impl IntoIterator<Item = String>) -> Result<Self> {
        let gate = Arc::new(Semaphore::new(OPENING));
        let mut opening = JoinSet::new();
        for ticket in tickets {
            let gate = gate.clone();
            opening.spawn(async move {
                let _turn = gate.acquire_owned().await?;
                tokio::time::timeout(TIMEOUT, open(address, &ticket)).await.context("a stream does not open")?
            });
        }
        let mut waiting = JoinSet::new();
        while let Some(opened) = opening.join_next().await {
            let mut stream = opened??;
            waiting.spawn(async move {
                read_until(&mut stream, b"data: ").await?;
                Ok(Instant::now())
            });
        }
        Ok(Self { waiting })
    }

    /// Waits until each has heard; when each did.
    pub async fn heard(&mut self) -> Result<Vec<Instant>> {
        let mut moments = Vec::new();
        while let Some(heard) =
            tokio::time::timeout(TIMEOUT, self.waiting.join_next()).await.context("not all heard")?
        {
            moments.push(heard??);
        }
        Ok(moments)
    }
}

async fn open(address: SocketAddr, ticket: &str) -> Result<tokio::net::TcpStream> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {PATH}?ticket={ticket} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    read_until(&mut stream, b": connected").await?;
    Ok(stream)
}

async fn read_until(stream: &mut tokio::net::TcpStream, wanted: &[u8]) -> Result<()> {
    let mut seen = Vec::new();
    loop {
        ensure!(stream.read_buf(&mut seen).await? > 0, "the stream ended: {}", String::from_utf8_lossy(&seen));
        if seen.windows(wanted.len()).any(|window| window == wanted) {
            return Ok(());
        }
    }
}
