//! The services whose objects use uploads.

use anyhow::Result as Setup;
use fenz_chassis::{
    peers::{PeerChannel, Peers},
    status,
};
use fenz_contract::{
    channel::v1 as channel, channel::v1::channel_catalog_service_client::ChannelCatalogServiceClient,
    content::v1 as content, content::v1::video_catalog_service_client::VideoCatalogServiceClient, user::v1 as user,
    user::v1::user_catalog_service_client::UserCatalogServiceClient,
};
use fenz_core::{Error, Result, UploadId};

use crate::domain::upload_use::UploadUse;

/// Who knows whether an object has an upload.
#[derive(Clone)]
pub struct Owners {
    auth: Option<PeerChannel>,
    channel: Option<PeerChannel>,
    content: Option<PeerChannel>,
}

impl Owners {
    /// # Errors
    /// When an address is no address.
    pub fn new(peers: &Peers) -> Setup<Self> {
        Ok(Self { auth: peers.find("auth")?, channel: peers.find("channel")?, content: peers.find("content")? })
    }

    /// # Errors
    /// `UNAVAILABLE` when the object's service does not answer.
    pub async fn is_used(&self, object: UploadUse, upload: UploadId) -> Result<bool> {
        let upload_id = upload.0;
        let answer = match object {
            UploadUse::Video(id) => {
                let request = content::GetUploadUseRequest { video_id: id.0, upload_id };
                let mut client = VideoCatalogServiceClient::new(find(self.content.as_ref(), "content")?);
                client.get_upload_use(request).await.map(|reply| reply.into_inner().is_used)
            }
            UploadUse::Channel(id) => {
                let request = channel::GetUploadUseRequest { channel_id: id.0, upload_id };
                let mut client = ChannelCatalogServiceClient::new(find(self.channel.as_ref(), "channel")?);
                client.get_upload_use(request).await.map(|reply| reply.into_inner().is_used)
            }
            UploadUse::User(id) => {
                let request = user::GetUploadUseRequest { user_id: id.0, upload_id };
                let mut client = UserCatalogServiceClient::new(find(self.auth.as_ref(), "auth")?);
                client.get_upload_use(request).await.map(|reply| reply.into_inner().is_used)
            }
        };
        answer.map_err(status::into_error)
    }
}

fn find(peer: Option<&PeerChannel>, service: &str) -> Result<PeerChannel> {
    let unset = || anyhow::anyhow!("FENZ_PEERS__{} is not set", service.to_uppercase());
    peer.cloned().ok_or_else(|| Error::unavailable("a service that uses uploads", unset()))
}
