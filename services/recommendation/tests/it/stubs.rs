//! Stubs of content and channel: they publish and record events and serve
//! catalogues.

use std::sync::{Arc, Mutex};

use fenz_chassis::{Needs, Platform, Service, Surface};
use fenz_contract::{
    channel::v1 as channel,
    content::v1 as content,
    events::v1::{AuditRecorded, ChannelChanged, TagChanged, TagDeleted, UserErased, VideoChanged},
    guard::Guard,
    routes::Method as Rpc,
};
use fenz_events::{Consumer, Outbox, ReceivedEvent};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::Value;
use tonic::{Request, Response, Status};

/// Stubs of content and channel in one service.
pub struct StubPeers;

/// What the stubs have received, and what they return.
#[derive(Clone, Default)]
pub struct Recorded {
    pub platform: Arc<Mutex<Option<Platform>>>,
    pub outbox: Arc<Mutex<Option<Outbox>>>,
    pub audits: Arc<Mutex<Vec<AuditRecorded>>>,
    pub changed: Arc<Mutex<Vec<TagChanged>>>,
    pub deleted: Arc<Mutex<Vec<TagDeleted>>>,
    pub erased: Arc<Mutex<Vec<UserErased>>>,
    pub videos: Arc<Mutex<Vec<VideoChanged>>>,
    pub channels: Arc<Mutex<Vec<ChannelChanged>>>,
    pub watched: Arc<Mutex<Vec<i64>>>,
    pub watched_requests: Arc<Mutex<usize>>,
}

pub struct Tables;

impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        fenz_events::migrations()
    }
}

/// Authorization is not tested here.
struct AllowAll;

impl Guard for AllowAll {
    async fn authorize<T: Send>(&self, _: &'static Rpc, _: &mut Request<T>) -> Result<(), Status> {
        Ok(())
    }
}

macro_rules! record {
    ($list:expr, $event:ty) => {{
        let list = $list.clone();
        move |_, received: ReceivedEvent<$event>| {
            list.lock().unwrap().push(received.event);
            async { Ok(()) }
        }
    }};
}

impl Service for StubPeers {
    const NAME: &'static str = "content";
    const PORT: u16 = 0;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: false };
    type Config = serde_json::Map<String, Value>;
    type Migrator = Tables;

    async fn build(platform: Platform, _: Self::Config) -> anyhow::Result<Surface> {
        let recorded: Recorded = platform.shared.get();
        *recorded.outbox.lock().unwrap() = Some(Outbox::start(&platform).await?);
        *recorded.platform.lock().unwrap() = Some(platform.clone());
        Consumer::new()
            .on(record!(recorded.audits, AuditRecorded))
            .on(record!(recorded.changed, TagChanged))
            .on(record!(recorded.deleted, TagDeleted))
            .on(record!(recorded.erased, UserErased))
            .start(&platform)
            .await?;
        let endpoints = vec![
            content::video_catalog_service(recorded.clone(), AllowAll),
            channel::channel_catalog_service(recorded, AllowAll),
        ];
        Ok(Surface { endpoints, ..Surface::default() })
    }

    fn listen(_: &Self::Config) -> Option<std::net::SocketAddr> {
        None
    }
}

#[tonic::async_trait]
impl content::video_catalog_service_server::VideoCatalogService for Recorded {
    async fn list_catalog(
        &self,
        request: Request<content::ListCatalogRequest>,
    ) -> Result<Response<content::ListCatalogResponse>, Status> {
        let request = request.into_inner();
        let mut videos = self.videos.lock().unwrap().clone();
        videos.retain(|v| v.video_id > request.after_id);
        videos.sort_by_key(|v| v.video_id);
        videos.truncate(request.limit.unwrap_or(500) as usize);
        Ok(Response::new(content::ListCatalogResponse { videos }))
    }

    async fn get_catalog_video(
        &self,
        _: Request<content::GetCatalogVideoRequest>,
    ) -> Result<Response<content::GetCatalogVideoResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn list_watched(
        &self,
        _: Request<content::ListWatchedRequest>,
    ) -> Result<Response<content::ListWatchedResponse>, Status> {
        *self.watched_requests.lock().unwrap() += 1;
        let video_ids = self.watched.lock().unwrap().clone();
        Ok(Response::new(content::ListWatchedResponse { video_ids }))
    }
}

#[tonic::async_trait]
impl channel::channel_catalog_service_server::ChannelCatalogService for Recorded {
    async fn list_catalog_channels(
        &self,
        request: Request<channel::ListCatalogChannelsRequest>,
    ) -> Result<Response<channel::ListCatalogChannelsResponse>, Status> {
        let request = request.into_inner();
        let mut channels = self.channels.lock().unwrap().clone();
        channels.retain(|c| c.channel_id > request.after_id);
        channels.sort_by_key(|c| c.channel_id);
        channels.truncate(request.limit.unwrap_or(500) as usize);
        Ok(Response::new(channel::ListCatalogChannelsResponse { channels }))
    }

    async fn get_catalog_channel(
        &self,
        _: Request<channel::GetCatalogChannelRequest>,
    ) -> Result<Response<channel::GetCatalogChannelResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }
}
