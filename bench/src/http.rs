//! An HTTP/1.1 client over one connection: blocking and without a pool, for little
//! overhead in the measurement.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Longer than any request may take, including the end of a large upload.
const TIMEOUT: Duration = Duration::from_secs(120);
const BOUNDARY: &str = "fenz-bench-boundary-7d2f";

pub struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

pub struct Reply {
    pub status: u16,
    /// With lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body of a 2xx reply.
    pub fn success(self) -> Result<Vec<u8>> {
        let Self { status, body, .. } = self;
        ensure!((200..300).contains(&status), "status {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { address, stream: BufReader::new(stream) })
    }

    pub fn get(&mut self, path: &str) -> Result<Reply> {
        self.send(&get(self.address, path))
    }

    /// Sends a request made by [`get`] or [`post`].
    pub fn send(&mut self, request: &[u8]) -> Result<Reply> {
        self.stream.get_mut().write_all(request)?;
        self.read_reply()
    }

    /// Sends JSON and reads the JSON of a 2xx reply.
    pub fn call(&mut self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Result<Value> {
        let reply = self.send(&json(self.address, method, path, token, body))?;
        let body = reply.success().with_context(|| format!("{method} {path}"))?;
        serde_json::from_slice(&body).with_context(|| format!("{method} {path}"))
    }

    /// Streams a file as `multipart/form-data`.
    pub fn upload(&mut self, path: &str, token: &str, file: &Path) -> Result<Value> {
        let mut source = File::open(file)?;
        let before = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"video.mp4\"\r\n\
             Content-Type: video/mp4\r\n\r\n"
        );
        let after = format!("\r\n--{BOUNDARY}--\r\n");
        let length = before.len() as u64 + source.metadata()?.len() + after.len() as u64;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n{before}",
            self.address
        );
        // An error reply may come before everything is sent: it says more than the broken pipe.
        let sent = self.send_body(&head, &mut source, &after);
        let reply = self.read_reply().map_err(|error| sent.err().unwrap_or(error))?;
        Ok(serde_json::from_slice(&reply.success().with_context(|| format!("POST {path}"))?)?)
    }

    fn send_body(&mut self, head: &str, source: &mut File, after: &str) -> Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            stream.write_all(&buffer[..read])?;
        }
        Ok(stream.write_all(after.as_bytes())?)
    }

    fn read_reply(&mut self) -> Result<Reply> {
        let line = self.read_line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).context("a status line")?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a header")?;
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        if let Some(length) = reply.header("content-length") {
            reply.body.resize(length.parse()?, 0);
            self.stream.read_exact(&mut reply.body)?;
        } else if reply.header("transfer-encoding") == Some("chunked") {
            self.read_chunks(&mut reply.body)?;
        }
        Ok(reply)
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> Result<()> {
        loop {
            let length = usize::from_str_radix(&self.read_line()?, 16)?;
            let start = body.len();
            body.resize(start + length, 0);
            self.stream.read_exact(&mut body[start..])?;
            ensure!(self.read_line()?.is_empty(), "a chunk is longer than its size");
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the connection was closed");
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

pub fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

pub fn get_as(address: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// Bytes `first` to `last`, both included.
pub fn get_range(address: SocketAddr, path: &str, first: u64, last: u64) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nRange: bytes={first}-{last}\r\n\r\n").into_bytes()
}

pub fn post(address: SocketAddr, path: &str, body: &Value) -> Vec<u8> {
    json(address, "POST", path, None, body)
}

fn json(address: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{token}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
