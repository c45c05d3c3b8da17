//! `RecommendationService`.

use fenz_chassis::caller_of;
use fenz_contract::recommendation::v1::{self as pb, RecommendationServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};
use crate::domain::{
    Viewer, Window,
    page::{CAP, Page},
};

const DEFAULT_SIZE: i32 = 20;

impl RecommendationServiceHandler for Api {
    async fn list_recommended(
        &self,
        request: Request<pb::ListRecommendedRequest>,
    ) -> Result<Response<pb::ListRecommendedResponse>> {
        let user = caller_of(&request).user().map(|user| user.id);
        let message = request.into_inner();
        let viewer = Viewer::new(user, message.session_id);
        // Pages beyond the end of a feed are empty, so overflow is harmless.
        let size = message.page_size.unwrap_or(DEFAULT_SIZE).max(1) as usize;
        let offset = (message.page.unwrap_or(1).max(1) as usize - 1).saturating_mul(size);
        let page = self.0.recommended(&viewer, (offset, size), message.seed.as_deref()).await?;
        Ok(Response::new(pb::ListRecommendedResponse {
            videos: encode::summaries(&page.videos),
            total: page.total as i64,
            seed: page.seed,
        }))
    }

    async fn list_popular(
        &self,
        request: Request<pb::ListPopularRequest>,
    ) -> Result<Response<pb::ListPopularResponse>> {
        let message = request.into_inner();
        let page = Page::of(message.page, message.page_size, CAP)?;
        let (videos, total) = self.0.popular(Window::parse(message.window.as_deref()), page).await?;
        let videos = encode::summaries(&videos);
        Ok(Response::new(pb::ListPopularResponse { videos, total: total as i64 }))
    }

    async fn get_recommendation_settings(
        &self,
        request: Request<pb::GetRecommendationSettingsRequest>,
    ) -> Result<Response<pb::GetRecommendationSettingsResponse>> {
        let caller = caller_of(&request);
        let watched_last = self.0.watched_last(caller.require_user()?).await?;
        let settings = Some(pb::RecommendationSettings { watched_last });
        Ok(Response::new(pb::GetRecommendationSettingsResponse { settings }))
    }

    async fn update_recommendation_settings(
        &self,
        request: Request<pb::UpdateRecommendationSettingsRequest>,
    ) -> Result<Response<pb::UpdateRecommendationSettingsResponse>> {
        let caller = caller_of(&request);
        // Required by the contract.
        let watched_last = request.into_inner().watched_last.unwrap_or_default();
        self.0.set_watched_last(caller.require_user()?, watched_last).await?;
        let settings = Some(pb::RecommendationSettings { watched_last });
        Ok(Response::new(pb::UpdateRecommendationSettingsResponse { settings }))
    }
}
