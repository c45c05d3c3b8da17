//! `ErasureService`.

use fenz_contract::admin::v1::{self as pb, ErasureServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};

impl ErasureServiceHandler for Api {
    async fn list_erasures(
        &self,
        request: Request<pb::ListErasuresRequest>,
    ) -> Result<Response<pb::ListErasuresResponse>> {
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let is_done = message.status.map(|status| status == "done");
        let (erasures, total) = self.0.erasures(is_done, page).await?;
        let erasures = erasures.into_iter().map(encode::erasure).collect();
        Ok(Response::new(pb::ListErasuresResponse { erasures, total: total as i64 }))
    }

    async fn get_erasure(&self, request: Request<pb::GetErasureRequest>) -> Result<Response<pb::GetErasureResponse>> {
        let erasure = self.0.erasure(request.into_inner().id).await?;
        Ok(Response::new(pb::GetErasureResponse { erasure: Some(encode::erasure(erasure)) }))
    }
}
