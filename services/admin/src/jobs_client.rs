//! Asks the services about their background jobs.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Platform, peers::PeerChannel, status};
use fenz_contract::{
    jobs::v1::{
        GetJobQueueRequest, Job, JobQueue, RetryQueuedJobRequest, job_queue_service_client::JobQueueServiceClient,
    },
    routes::HOSTS,
};
use fenz_core::{Error, Reason, Result};
use futures::future::join_all;
use sea_orm::DatabaseConnection;
use tokio::time::timeout;

/// How long a service has to tell its jobs.
const DEADLINE: Duration = Duration::from_secs(2);

/// The jobs of every service of the contract. Cheap to clone.
#[derive(Clone)]
pub struct JobsClient(Arc<[Service]>);

struct Service {
    name: &'static str,
    jobs: Source,
}

/// Where a service's jobs are.
enum Source {
    /// In this service.
    Own(fenz_jobs::JobQueue),
    Peer(JobQueueServiceClient<PeerChannel>),
    /// The settings have no address of it.
    Unknown,
}

impl JobsClient {
    pub fn new(platform: &Platform, db: &DatabaseConnection) -> anyhow::Result<Self> {
        let service = |name: &'static str| {
            let jobs = if name == platform.service {
                Source::Own(fenz_jobs::JobQueue::new(platform, db))
            } else {
                let client = platform.peers.find(name)?.map(JobQueueServiceClient::new);
                client.map_or(Source::Unknown, Source::Peer)
            };
            Ok(Service { name, jobs })
        };
        Ok(Self(HOSTS.iter().copied().map(service).collect::<anyhow::Result<_>>()?))
    }

    /// The jobs of each service by its name; none of one that does not answer in
    /// time.
    pub async fn all(&self) -> Vec<(&'static str, Option<JobQueue>)> {
        join_all(self.0.iter().map(|service| async move { (service.name, service.queue_in_time().await) })).await
    }

    /// Gives a dead job its attempts again.
    ///
    /// # Errors
    /// `JOB_NOT_FOUND`, with the field; `UNAVAILABLE`.
    pub async fn retry(&self, service: &str, id: i64) -> Result<Job> {
        let Some(service) = self.0.iter().find(|known| known.name == service) else {
            let message = format!("should be one of {}", HOSTS.join(", "));
            return Err(Error::field(Reason::JobNotFound, "service", message));
        };
        service.retry(id).await.map_err(|error| match error.reason {
            Reason::JobNotFound => {
                Error::field(Reason::JobNotFound, "id", format!("should be that of a dead job of {}", service.name))
            }
            _ => error,
        })
    }
}

impl Service {
    async fn queue_in_time(&self) -> Option<JobQueue> {
        match timeout(DEADLINE, self.queue()).await {
            Ok(Ok(queue)) => Some(queue),
            Ok(Err(error)) => {
                tracing::warn!(service = self.name, error = format!("{error:?}"), "a service does not tell its jobs");
                None
            }
            Err(_) => {
                tracing::warn!(service = self.name, "a service does not tell its jobs in time");
                None
            }
        }
    }

    async fn queue(&self) -> Result<JobQueue> {
        match &self.jobs {
            Source::Own(jobs) => jobs.get().await,
            Source::Peer(client) => {
                let reply = client.clone().get_job_queue(GetJobQueueRequest {}).await.map_err(status::into_error)?;
                Ok(reply.into_inner().queue.unwrap_or_default())
            }
            Source::Unknown => Err(self.not_set()),
        }
    }

    async fn retry(&self, id: i64) -> Result<Job> {
        match &self.jobs {
            Source::Own(jobs) => jobs.retry(id).await,
            Source::Peer(client) => {
                let request = RetryQueuedJobRequest { id };
                let reply = client.clone().retry_queued_job(request).await.map_err(status::into_error)?;
                Ok(reply.into_inner().job.unwrap_or_default())
            }
            Source::Unknown => Err(self.not_set()),
        }
    }

    fn not_set(&self) -> Error {
        let problem = anyhow::anyhow!("FENZ_PEERS__{} is not set", self.name.to_uppercase());
        Error::unavailable(&format!("the {} service", self.name), problem)
    }
}
