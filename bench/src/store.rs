//! The reference of uploads: a separate process with an axum handler that writes the
//! body to a file and syncs it.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::{
    fs::{self, File},
    net::TcpListener,
};
use tokio_util::io::StreamReader;

use crate::{measure::path_text, process::Process};

#[derive(clap::Args)]
pub struct Arguments {
    /// Where the file is, beside the data of the platforms.
    #[arg(long)]
    folder: PathBuf,
}

pub fn serve(arguments: &Arguments) -> Result<()> {
    let app = Router::new()
        .route("/api/v1/upload/video", post(upload))
        .layer(DefaultBodyLimit::disable())
        .with_state(arguments.folder.join("received"));
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app).await.context("the reference server")
    })
}

async fn upload(State(file): State<PathBuf>, body: Body) -> Result<Json<Value>, (StatusCode, String)> {
    let stored = store(&file, body).await;
    stored.map(|size| Json(json!({"size": size}))).map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

async fn store(path: &Path, body: Body) -> io::Result<u64> {
    let mut file = File::create(path).await?;
    let mut body = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let size = tokio::io::copy(&mut body, &mut file).await?;
    file.sync_all().await?;
    fs::remove_file(path).await?;
    Ok(size)
}

/// Receives into a folder, in a separate process.
pub fn start(folder: &Path) -> Result<(Process, SocketAddr)> {
    Process::start_server(&["store", "--folder", path_text(folder)?])
}
