//! `CategoryService`.

use fenz_contract::content::v1::{self as pb, CategoryServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};

impl CategoryServiceHandler for Api {
    async fn list_categories(
        &self,
        _: Request<pb::ListCategoriesRequest>,
    ) -> Result<Response<pb::ListCategoriesResponse>> {
        let categories = self.0.categories().await?;
        let total = categories.len() as i64;
        let categories = categories.into_iter().map(encode::category);
        Ok(Response::new(pb::ListCategoriesResponse { categories: categories.collect(), total }))
    }
}
