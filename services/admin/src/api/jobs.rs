//! `JobService`.

use fenz_chassis::require_user;
use fenz_contract::admin::v1::{self as pb, JobServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};

impl JobServiceHandler for Api {
    async fn list_jobs(&self, _: Request<pb::ListJobsRequest>) -> Result<Response<pb::ListJobsResponse>> {
        let services = self.0.jobs().await.into_iter().map(|(service, queue)| encode::jobs(service, queue)).collect();
        Ok(Response::new(pb::ListJobsResponse { services }))
    }

    async fn retry_job(&self, request: Request<pb::RetryJobRequest>) -> Result<Response<pb::RetryJobResponse>> {
        let administrator = require_user(&request)?.id;
        let pb::RetryJobRequest { service, id } = request.into_inner();
        let job = self.0.retry_job(administrator, &service, id).await?;
        Ok(Response::new(pb::RetryJobResponse { job: Some(job) }))
    }
}
