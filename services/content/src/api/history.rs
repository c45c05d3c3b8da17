//! `HistoryService`.

use fenz_chassis::{caller_of, require_user};
use fenz_contract::content::v1::{self as pb, HistoryServiceHandler};
use fenz_core::{Result, Role};
use tonic::{Request, Response};

use super::{Api, encode};

impl HistoryServiceHandler for Api {
    async fn list_history(
        &self,
        request: Request<pb::ListHistoryRequest>,
    ) -> Result<Response<pb::ListHistoryResponse>> {
        let caller = caller_of(&request);
        let user = caller.require_user()?;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let (watched, total) = self.0.history(user.id, user.role >= Role::Moderator, page).await?;
        let videos = watched
            .iter()
            .map(|(video, at)| pb::WatchedVideo { video: Some(encode::listed(video)), watched_at: Some((*at).into()) });
        Ok(Response::new(pb::ListHistoryResponse { videos: videos.collect(), total: total as i64 }))
    }

    async fn clear_history(
        &self,
        request: Request<pb::ClearHistoryRequest>,
    ) -> Result<Response<pb::ClearHistoryResponse>> {
        let user = require_user(&request)?.id;
        self.0.clear_history(user).await?;
        Ok(Response::new(pb::ClearHistoryResponse {}))
    }

    async fn get_history_settings(
        &self,
        request: Request<pb::GetHistorySettingsRequest>,
    ) -> Result<Response<pb::GetHistorySettingsResponse>> {
        let user = require_user(&request)?.id;
        let enabled = self.0.history_enabled(user).await?;
        Ok(Response::new(pb::GetHistorySettingsResponse { settings: Some(pb::HistorySettings { enabled }) }))
    }

    async fn update_history_settings(
        &self,
        request: Request<pb::UpdateHistorySettingsRequest>,
    ) -> Result<Response<pb::UpdateHistorySettingsResponse>> {
        let user = require_user(&request)?.id;
        let enabled = request.into_inner().enabled.unwrap_or_default();
        self.0.set_history_enabled(user, enabled).await?;
        Ok(Response::new(pb::UpdateHistorySettingsResponse { settings: Some(pb::HistorySettings { enabled }) }))
    }
}
