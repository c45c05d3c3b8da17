//! Stubs of content and channel: they publish and record events and serve
//! catalogues.

use std::sync::{Arc, Mutex};

use fenz_chassis::{Endpoints, Platform, Service, status};
use fenz_contract::{
    channel::v1 as channel,
    content::v1 as content,
    events::v1::{AuditRecorded, ChannelChanged, TagChanged, TagDeleted, UserErased, VideoChanged},
    guard::Guard,
    routes::Method as Rpc,
};
use fenz_core::{Caller, Error, Reason, Result};
use fenz_events::{Consumer, Outbox, ReceivedEvent};
use reqwest::header::HeaderMap;
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

/// Authorization is not tested here.
struct AllowAll;

impl Guard for AllowAll {
    async fn admit(&self, _: &'static Rpc, _: &HeaderMap) -> Result<Caller> {
        Ok(Caller::Anonymous)
    }

    fn status(&self, error: Error) -> Status {
        status::from_error(error)
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
    type Config = serde_json::Map<String, Value>;
    type Requirements = (fenz_events::Database<fenz_database::NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        let recorded: Recorded = platform.shared.get();
        *recorded.outbox.lock().unwrap() = Some(Outbox::start(&platform, &db).await?);
        *recorded.platform.lock().unwrap() = Some(platform.clone());
        Consumer::new()
            .on(record!(recorded.audits, AuditRecorded))
            .on(record!(recorded.changed, TagChanged))
            .on(record!(recorded.deleted, TagDeleted))
            .on(record!(recorded.erased, UserErased))
            .start(&platform, &db)
            .await?;
        let endpoints = vec![
            content::video_catalog_service(recorded.clone(), AllowAll),
            channel::channel_catalog_service(recorded, AllowAll),
        ];
        Ok(Endpoints { rpc: endpoints, ..Endpoints::default() })
    }
}

impl content::VideoCatalogServiceHandler for Recorded {
    async fn list_catalog(
        &self,
        request: Request<content::ListCatalogRequest>,
    ) -> Result<Response<content::ListCatalogResponse>> {
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
    ) -> Result<Response<content::GetCatalogVideoResponse>> {
        Err(Error::new(Reason::MethodNotAllowed, "not called"))
    }

    async fn list_watched(
        &self,
        _: Request<content::ListWatchedRequest>,
    ) -> Result<Response<content::ListWatchedResponse>> {
        *self.watched_requests.lock().unwrap() += 1;
        let video_ids = self.watched.lock().unwrap().clone();
        Ok(Response::new(content::ListWatchedResponse { video_ids }))
    }
}

impl channel::ChannelCatalogServiceHandler for Recorded {
    async fn list_catalog_channels(
        &self,
        request: Request<channel::ListCatalogChannelsRequest>,
    ) -> Result<Response<channel::ListCatalogChannelsResponse>> {
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
    ) -> Result<Response<channel::GetCatalogChannelResponse>> {
        Err(Error::new(Reason::MethodNotAllowed, "not called"))
    }
}
