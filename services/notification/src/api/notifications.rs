//! `NotificationService`.

use fenz_chassis::require_user;
use fenz_contract::notification::v1::{self as pb, NotificationServiceHandler};
use fenz_core::{ChannelId, Result};
use tonic::{Request, Response};

use super::{Api, encode};
use crate::{
    app::TICKET_LIFETIME,
    domain::page::{CAP, Page},
};

impl NotificationServiceHandler for Api {
    async fn list_notifications(
        &self,
        request: Request<pb::ListNotificationsRequest>,
    ) -> Result<Response<pb::ListNotificationsResponse>> {
        let user = require_user(&request)?.id;
        let message = request.into_inner();
        let (entries, total) = self.0.list(user, Page::of(message.page, message.page_size, CAP)?).await?;
        let notifications = entries.into_iter().map(encode::notification).collect();
        Ok(Response::new(pb::ListNotificationsResponse { notifications, total: total as i64 }))
    }

    async fn get_unread_count(
        &self,
        request: Request<pb::GetUnreadCountRequest>,
    ) -> Result<Response<pb::GetUnreadCountResponse>> {
        let user = require_user(&request)?.id;
        let count = self.0.unread_count(user).await? as i64;
        Ok(Response::new(pb::GetUnreadCountResponse { count }))
    }

    async fn mark_read(&self, request: Request<pb::MarkReadRequest>) -> Result<Response<pb::MarkReadResponse>> {
        let user = require_user(&request)?.id;
        self.0.mark_read(user, request.into_inner().id).await?;
        Ok(Response::new(pb::MarkReadResponse {}))
    }

    async fn mark_all_read(
        &self,
        request: Request<pb::MarkAllReadRequest>,
    ) -> Result<Response<pb::MarkAllReadResponse>> {
        let user = require_user(&request)?.id;
        self.0.mark_all_read(user).await?;
        Ok(Response::new(pb::MarkAllReadResponse {}))
    }

    async fn get_settings(
        &self,
        request: Request<pb::GetSettingsRequest>,
    ) -> Result<Response<pb::GetSettingsResponse>> {
        let user = require_user(&request)?.id;
        let settings = Some(encode::settings(self.0.settings(user).await?));
        Ok(Response::new(pb::GetSettingsResponse { settings }))
    }

    async fn update_settings(
        &self,
        request: Request<pb::UpdateSettingsRequest>,
    ) -> Result<Response<pb::UpdateSettingsResponse>> {
        let user = require_user(&request)?.id;
        let changes = encode::changes(request.into_inner());
        let settings = Some(encode::settings(self.0.update_settings(user, &changes).await?));
        Ok(Response::new(pb::UpdateSettingsResponse { settings }))
    }

    async fn create_stream_ticket(
        &self,
        request: Request<pb::CreateStreamTicketRequest>,
    ) -> Result<Response<pb::CreateStreamTicketResponse>> {
        let ticket = self.0.create_ticket(super::stream_access(&require_user(&request)?)).await?;
        let expires_in = TICKET_LIFETIME.as_secs() as i32;
        Ok(Response::new(pb::CreateStreamTicketResponse { ticket, expires_in }))
    }

    async fn mute_channel(
        &self,
        request: Request<pb::MuteChannelRequest>,
    ) -> Result<Response<pb::MuteChannelResponse>> {
        let user = require_user(&request)?.id;
        self.0.set_muted(user, ChannelId(request.into_inner().id), true).await?;
        Ok(Response::new(pb::MuteChannelResponse {}))
    }

    async fn unmute_channel(
        &self,
        request: Request<pb::UnmuteChannelRequest>,
    ) -> Result<Response<pb::UnmuteChannelResponse>> {
        let user = require_user(&request)?.id;
        self.0.set_muted(user, ChannelId(request.into_inner().id), false).await?;
        Ok(Response::new(pb::UnmuteChannelResponse {}))
    }
}
