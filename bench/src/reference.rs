//! The reference of reads: a separate process with an axum handler that returns
//! the same bytes and headers.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::get,
    serve::ListenerExt,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::{
    http::Client,
    measure::{Bench, path_text},
    process::Process,
};

#[derive(clap::Args)]
pub struct Arguments {
    /// A file of a [`Recorded`] reply as JSON.
    #[arg(long)]
    reply: PathBuf,
}

/// A reply to repeat.
#[derive(Serialize, Deserialize)]
struct Recorded {
    headers: Vec<(String, String)>,
    body: String,
}

/// Written by the HTTP library.
const CONNECTION_HEADERS: &[&str] = &["content-length", "transfer-encoding", "connection", "date"];

/// Records a reply of the platform and serves it in a separate process.
pub fn start(bench: &Bench, platform: SocketAddr, path: &str) -> Result<(Process, SocketAddr)> {
    let reply = Client::connect(platform)?.get(path)?;
    let recorded = Recorded { headers: reply.headers.clone(), body: String::from_utf8(reply.success()?)? };
    let file = bench.path("reply.json");
    fs::write(&file, serde_json::to_vec(&recorded)?)?;
    Process::start_server(&["reference", "--reply", path_text(&file)?])
}

pub fn serve(arguments: &Arguments) -> Result<()> {
    let recorded: Recorded = serde_json::from_slice(&fs::read(&arguments.reply)?)?;
    let mut headers = HeaderMap::new();
    for (name, value) in recorded.headers.iter().filter(|(name, _)| !CONNECTION_HEADERS.contains(&name.as_str())) {
        headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    let reply = (headers, Bytes::from(recorded.body));
    let app = Router::new()
        .route("/api/v1/videos/{id}", get(async |State(reply): State<(HeaderMap, Bytes)>| reply))
        .with_state(reply);
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).ok();
        });
        axum::serve(listener, app).await.context("the reference server")
    })
}
