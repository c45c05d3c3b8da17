//! The reference of uploads: the same multipart upload, sent directly to the same
//! object store in a separate process.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use bytes::BytesMut;
use fenz_object_store::{ObjectStore, Part, StoreSettings};
use tokio::{fs::File, io::AsyncReadExt, net::TcpListener, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{measure::path_text, process::Process};

/// Same as the media service's.
pub const PART_BYTES: usize = 8 << 20;
pub const BUCKET: &str = "bench";
pub const KEY: &str = "bench-key";
const OBJECT: &str = "upload";

#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to serve.
    #[arg(long)]
    root: PathBuf,
}

pub fn serve(arguments: &Arguments) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let settings = fenz_s3_folder::Settings {
            root: arguments.root.clone(),
            bucket: BUCKET.into(),
            access_key: KEY.into(),
            secret_key: KEY.into(),
        };
        Ok(fenz_s3_folder::Server::new(settings, listener)?.run(CancellationToken::new()).await?)
    })
}

/// Serves a folder in a separate process.
pub fn start(root: &Path) -> Result<(Process, SocketAddr)> {
    Process::start_server(&["store", "--root", path_text(root)?])
}

pub fn connect(address: SocketAddr) -> Result<ObjectStore> {
    Ok(ObjectStore::new(&StoreSettings {
        endpoint: format!("http://{address}"),
        bucket: BUCKET.into(),
        access_key: KEY.into(),
        secret_key: KEY.into(),
        ..StoreSettings::default()
    })?)
}

/// Uploads a file like media, with one part in flight while the next is read, and
/// deletes it. Returns the time of the upload.
pub async fn upload(store: &ObjectStore, file: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let mut source = File::open(file).await?;
    source.set_max_buf_size(PART_BYTES);
    let id = store.start_multipart(OBJECT, "video/mp4").await?;
    let mut sent = Vec::new();
    let mut in_flight: Option<JoinHandle<Result<Part, _>>> = None;
    loop {
        let part = read_part(&mut source).await?.freeze();
        if let Some(before) = in_flight.take() {
            sent.push(before.await??);
        }
        if part.is_empty() {
            break;
        }
        let (store, id, number) = (store.clone(), id.clone(), sent.len() as u32 + 1);
        in_flight = Some(tokio::spawn(async move { store.put_part(OBJECT, &id, number, &part).await }));
    }
    store.complete_multipart(OBJECT, &id, &sent).await?;
    let took = begun.elapsed();
    store.delete(OBJECT).await?;
    Ok(took)
}

async fn read_part(source: &mut File) -> Result<BytesMut> {
    let mut part = BytesMut::with_capacity(PART_BYTES);
    // Reading into a full buffer returns 0, as at the file's end.
    while part.len() < PART_BYTES && source.read_buf(&mut part).await? > 0 {}
    Ok(part)
}
