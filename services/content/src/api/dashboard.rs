//! `DashboardService`.

use fenz_chassis::require_user;
use fenz_contract::content::v1::{self as pb, DashboardServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};

impl DashboardServiceHandler for Api {
    async fn list_my_videos(
        &self,
        request: Request<pb::ListMyVideosRequest>,
    ) -> Result<Response<pb::ListMyVideosResponse>> {
        let owner = require_user(&request)?.id;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let (videos, total) = self.0.list_own(owner, page).await?;
        let videos = videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListMyVideosResponse { videos, total: total as i64 }))
    }
}
