//! Stubs of the catalogues of content and channel.

use std::sync::{Arc, Mutex};

use fenz_contract::{
    channel::v1 as channel,
    content::v1 as content,
    events::v1::{ChannelChanged, VideoChanged},
};
use fenz_core::{Error, Reason, Result};
use fenz_testkit::{AllowAll, Sandbox, serve_stub};
use tonic::{Request, Response};

/// What the stubs return. Clones share it.
#[derive(Clone, Default)]
pub struct Catalogs {
    pub videos: Arc<Mutex<Vec<VideoChanged>>>,
    pub channels: Arc<Mutex<Vec<ChannelChanged>>>,
    pub watched: Arc<Mutex<Vec<i64>>>,
    pub watched_requests: Arc<Mutex<usize>>,
}

impl Catalogs {
    /// Serves them in place of content and channel.
    pub fn serve(&self, sandbox: &mut Sandbox) {
        let content = sandbox.take_listener("content").unwrap();
        serve_stub(content, [content::video_catalog_service(self.clone(), AllowAll)]);
        let channel = sandbox.take_listener("channel").unwrap();
        serve_stub(channel, [channel::channel_catalog_service(self.clone(), AllowAll)]);
    }
}

impl content::VideoCatalogServiceHandler for Catalogs {
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

    async fn get_upload_use(
        &self,
        _: Request<content::GetUploadUseRequest>,
    ) -> Result<Response<content::GetUploadUseResponse>> {
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

impl channel::ChannelCatalogServiceHandler for Catalogs {
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

    async fn get_upload_use(
        &self,
        _: Request<channel::GetUploadUseRequest>,
    ) -> Result<Response<channel::GetUploadUseResponse>> {
        Err(Error::new(Reason::MethodNotAllowed, "not called"))
    }
}
