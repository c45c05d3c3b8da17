//! What a service with a database serves without saying so.

use fenz_chassis::{Endpoints, Platform, Service};
use fenz_contract::jobs::v1::{
    GetJobQueueRequest, JobQueue, RetryQueuedJobRequest, job_queue_service_client::JobQueueServiceClient,
};
use fenz_database::NoMigrations;
use fenz_testkit::{Database, Sandbox};
use tonic::Code;

struct Bare;

impl Service for Bare {
    const NAME: &'static str = "channel";
    const PORT: u16 = 0;
    type Config = std::collections::BTreeMap<String, String>;
    type Requirements = (fenz_events::Database<NoMigrations>,);

    async fn build(_: Platform, _: Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        Ok(Endpoints::default())
    }
}

#[tokio::test]
async fn every_service_with_a_database_tells_admin_its_jobs_and_nobody_else() {
    let mut sandbox = Sandbox::new(Database::Sqlite).await.unwrap();
    sandbox.start::<Bare>().await.unwrap();
    let mut admin = JobQueueServiceClient::new(sandbox.peer("admin", "channel").unwrap());
    let told = admin.get_job_queue(GetJobQueueRequest {}).await.unwrap().into_inner();
    assert_eq!(told.queue, Some(JobQueue::default()));
    for (id, code) in [(7, Code::NotFound), (0, Code::InvalidArgument)] {
        assert_eq!(admin.retry_queued_job(RetryQueuedJobRequest { id }).await.unwrap_err().code(), code);
    }
    let mut content = JobQueueServiceClient::new(sandbox.peer("content", "channel").unwrap());
    let refusal = content.get_job_queue(GetJobQueueRequest {}).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied, "{refusal}");
}
