//! `TagCatalogService`.

use fenz_chassis::Result;
use fenz_contract::recommendation::v1::{self as pb, tag_catalog_service_server::TagCatalogService};
use tonic::{Request, Response, Status};

use super::{Api, encode};

#[async_trait::async_trait]
impl TagCatalogService for Api {
    async fn find_tags(&self, request: Request<pb::FindTagsRequest>) -> Result<Response<pb::FindTagsResponse>, Status> {
        let tags = encode::tags(self.0.find_tags(&request.into_inner().ids).await?);
        Ok(Response::new(pb::FindTagsResponse { tags }))
    }
}
