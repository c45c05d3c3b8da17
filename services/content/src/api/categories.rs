//! `CategoryService`.

use fenz_chassis::Result;
use fenz_contract::content::v1::{self as pb, category_service_server::CategoryService};
use tonic::{Request, Response, Status};

use super::{Api, encode};

#[async_trait::async_trait]
impl CategoryService for Api {
    async fn list_categories(
        &self,
        _: Request<pb::ListCategoriesRequest>,
    ) -> Result<Response<pb::ListCategoriesResponse>, Status> {
        let categories = self.0.categories().await?;
        let total = categories.len() as i64;
        let categories = categories.into_iter().map(encode::category);
        Ok(Response::new(pb::ListCategoriesResponse { categories: categories.collect(), total }))
    }
}
