//! Object stores that can be away for a time.

use std::{fs, net::SocketAddr};

use fenz_media::MediaService;
use fenz_object_store::StoreSettings;
use fenz_testkit::{free_address, s3_settings};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::harness::Media;

pub enum ObjectStore {
    /// The sandbox's own.
    Folder,
    S3(Box<S3>),
}

impl ObjectStore {
    /// A folder, and an S3 where there is one.
    pub async fn available() -> Vec<Self> {
        let mut stores = vec![Self::Folder];
        if let Some(settings) = s3_settings() {
            stores.push(Self::S3(Box::new(S3::start(settings).await)));
        }
        stores
    }

    /// For a media service.
    pub fn settings(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Folder => Vec::new(),
            Self::S3(s3) => s3.settings.iter().map(|(key, value)| (*key, value.as_str())).collect(),
        }
    }

    pub async fn go_away(&mut self, media: &Media) {
        match self {
            Self::Folder => fs::rename(media.sandbox.objects(), media.sandbox.folder().join("away")).unwrap(),
            Self::S3(s3) => {
                s3.serving.abort();
                while TcpStream::connect(s3.address).await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    pub async fn come_back(&mut self, media: &Media) {
        match self {
            Self::Folder => fs::rename(media.sandbox.folder().join("away"), media.sandbox.objects()).unwrap(),
            Self::S3(s3) => s3.serve().await,
        }
    }

    /// Whether an upload's object is there.
    pub async fn has(&self, media: &Media, id: i64) -> bool {
        let (settings, _) = media.sandbox.settings::<MediaService>().unwrap();
        let settings: StoreSettings = settings.section("store").unwrap();
        let store = fenz_object_store::ObjectStore::new(&settings).unwrap();
        store.exists(&format!("uploads/{id}")).await.unwrap()
    }
}

/// The shared S3, behind a port of the test's own.
pub struct S3 {
    settings: [(&'static str, String); 4],
    address: SocketAddr,
    upstream: String,
    serving: JoinHandle<()>,
}

impl S3 {
    async fn start(mut settings: [(&'static str, String); 4]) -> Self {
        let address = free_address();
        let (_, endpoint) = settings.iter_mut().find(|(key, _)| *key == "store.endpoint").unwrap();
        let upstream = endpoint.split_once("://").unwrap().1.to_owned();
        *endpoint = format!("http://{address}");
        let mut s3 = Self { settings, address, upstream, serving: tokio::spawn(async {}) };
        s3.serve().await;
        s3
    }

    /// Until it is aborted, which ends its connections too.
    async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let upstream = self.upstream.clone();
        self.serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut server = TcpStream::connect(&upstream).await.unwrap();
                connections.spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        });
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
