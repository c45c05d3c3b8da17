//! Calls to the services that own reported objects: lookups, and actions with the
//! moderator's authorization.

use chrono::{DateTime, Utc};
use fenz_chassis::{
    peers::{PeerChannel, Peers},
    status,
};
use fenz_contract::{
    channel::v1::{
        GetCatalogChannelRequest, HideChannelRequest, channel_catalog_service_client::ChannelCatalogServiceClient,
        channel_service_client::ChannelServiceClient,
    },
    content::v1::{
        GetCatalogVideoRequest, HideVideoRequest, video_admin_service_client::VideoAdminServiceClient,
        video_catalog_service_client::VideoCatalogServiceClient,
    },
    user::v1::{
        BanUserRequest, GetUserRoleRequest, user_admin_service_client::UserAdminServiceClient,
        user_catalog_service_client::UserCatalogServiceClient,
    },
};
use fenz_core::{Error, Reason, Result, Role, UserId};
use tonic::{Request, metadata::MetadataValue};

use crate::domain::report::{Kind, Object};

/// The `Authorization` header of the moderator's request.
#[derive(Clone, Debug)]
pub struct ForwardedAuthorization(MetadataValue<tonic::metadata::Ascii>);

impl ForwardedAuthorization {
    /// # Errors
    /// `UNAUTHENTICATED` without one.
    pub fn of<T>(request: &Request<T>) -> Result<Self> {
        let header = request.metadata().get("authorization").cloned();
        header.map(Self).ok_or_else(|| Error::new(Reason::Unauthenticated, "sign in first"))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.0.clone());
        request
    }
}

/// A reportable object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    pub owner: UserId,
    pub title: String,
    /// Visible to everyone.
    pub is_visible: bool,
}

#[derive(Clone)]
pub struct ModerationClient {
    auth: PeerChannel,
    content: PeerChannel,
    channel: Option<PeerChannel>,
}

impl ModerationClient {
    pub fn new(peers: &Peers) -> anyhow::Result<Self> {
        Ok(Self { auth: peers.require("auth")?, content: peers.require("content")?, channel: peers.find("channel")? })
    }

    /// # Errors
    /// `VIDEO_NOT_FOUND`, `CHANNEL_NOT_FOUND`; `UNAVAILABLE`.
    pub async fn get_object(&self, object: Object) -> Result<ObjectInfo> {
        let id = object.id;
        match object.kind {
            Kind::Video => {
                let mut client = VideoCatalogServiceClient::new(self.content.clone());
                let reply =
                    client.get_catalog_video(GetCatalogVideoRequest { id }).await.map_err(status::into_error)?;
                let video = reply.into_inner().video.ok_or_else(|| object.not_found())?;
                let is_visible = video.is_published && !video.is_hidden;
                Ok(ObjectInfo { owner: UserId(video.owner_id), title: video.title, is_visible })
            }
            Kind::Channel => {
                let mut client = ChannelCatalogServiceClient::new(self.channel()?);
                let reply =
                    client.get_catalog_channel(GetCatalogChannelRequest { id }).await.map_err(status::into_error)?;
                let channel = reply.into_inner().channel.ok_or_else(|| object.not_found())?;
                Ok(ObjectInfo { owner: UserId(channel.owner_id), title: channel.name, is_visible: !channel.is_hidden })
            }
        }
    }

    /// Hides an object; a repeat changes nothing.
    pub async fn hide(&self, authorization: &ForwardedAuthorization, object: Object, text: &str) -> Result<()> {
        let id = object.id;
        match object.kind {
            Kind::Video => {
                let request = authorization.request(HideVideoRequest { id, text: text.to_owned() });
                VideoAdminServiceClient::new(self.content.clone())
                    .hide_video(request)
                    .await
                    .map_err(status::into_error)?;
            }
            Kind::Channel => {
                let request = authorization.request(HideChannelRequest { id, text: text.to_owned() });
                ChannelServiceClient::new(self.channel()?).hide_channel(request).await.map_err(status::into_error)?;
            }
        }
        Ok(())
    }

    /// Bans a user, until a time or permanently; a repeat changes nothing.
    pub async fn ban(
        &self,
        authorization: &ForwardedAuthorization,
        user: UserId,
        until: Option<DateTime<Utc>>,
        text: &str,
    ) -> Result<()> {
        let request = BanUserRequest { id: user.0, until: until.map(Into::into), text: text.to_owned() };
        UserAdminServiceClient::new(self.auth.clone())
            .ban_user(authorization.request(request))
            .await
            .map_err(status::into_error)?;
        Ok(())
    }

    /// Whether a user is a moderator or an administrator who may sign in.
    ///
    /// # Errors
    /// `UNAVAILABLE` when auth does not answer.
    pub async fn is_staff(&self, user: UserId) -> Result<bool> {
        let mut client = UserCatalogServiceClient::new(self.auth.clone());
        match client.get_user_role(GetUserRoleRequest { id: user.0 }).await.map_err(status::into_error) {
            Ok(reply) => {
                let account = reply.into_inner();
                Ok(account.is_admitted && Role::parse(&account.role).is_some_and(|role| role >= Role::Moderator))
            }
            Err(error) if error.reason == Reason::UserNotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn channel(&self) -> Result<PeerChannel> {
        let not_set = || Error::unavailable("the channel service", anyhow::anyhow!("FENZ_PEERS__CHANNEL is not set"));
        self.channel.clone().ok_or_else(not_set)
    }
}
