//! `TagCatalogService`.

use fenz_contract::recommendation::v1::{self as pb, TagCatalogServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};

impl TagCatalogServiceHandler for Api {
    async fn find_tags(&self, request: Request<pb::FindTagsRequest>) -> Result<Response<pb::FindTagsResponse>> {
        let tags = encode::tags(self.0.find_tags(&encode::tag_ids(request.into_inner().ids)).await?);
        Ok(Response::new(pb::FindTagsResponse { tags }))
    }
}
