//! What a video read is compared with: an axum handler that returns the same
//! bytes and headers and does nothing else, as a process of its own.

use std::{fs, path::PathBuf};

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

#[derive(clap::Args)]
pub struct Arguments {
    /// A file of a [`Recorded`] reply as JSON.
    #[arg(long)]
    reply: PathBuf,
}

/// A reply to repeat.
#[derive(Serialize, Deserialize)]
pub struct Recorded {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Those that the HTTP library writes itself.
const OF_THE_CONNECTION: &[&str] = &["content-length", "transfer-encoding", "connection", "date"];

pub fn serve(arguments: &Arguments) -> Result<()> {
    let recorded: Recorded = serde_json::from_slice(&fs::read(&arguments.reply)?)?;
    let mut headers = HeaderMap::new();
    for (name, value) in recorded.headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str())) {
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
