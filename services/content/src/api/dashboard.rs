//! `DashboardService`.

use fenz_chassis::{Caller, Result};
use fenz_contract::content::v1::{self as pb, dashboard_service_server::DashboardService};
use tonic::{Request, Response, Status};

use super::{Api, encode};

#[async_trait::async_trait]
impl DashboardService for Api {
    async fn list_my_videos(
        &self,
        request: Request<pb::ListMyVideosRequest>,
    ) -> Result<Response<pb::ListMyVideosResponse>, Status> {
        let owner = Caller::of(&request).require_user()?.id;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let (videos, total) = self.0.list_own(owner, page).await?;
        let videos = videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListMyVideosResponse { videos, total: total as i64 }))
    }
}
