//! The background jobs of all services: what there is, and retries of dead ones.

use fenz_contract::jobs::v1::{Job, JobQueue};
use fenz_core::{Result, UserId};
use fenz_events::AuditEntry;
use serde_json::json;

use super::App;

impl App {
    /// The jobs of each service; none of one that does not answer.
    pub async fn jobs(&self) -> Vec<(&'static str, Option<JobQueue>)> {
        self.jobs.all().await
    }

    /// Gives a dead job its attempts again, and records who did it.
    ///
    /// # Errors
    /// `JOB_NOT_FOUND`, `UNAVAILABLE`.
    pub async fn retry_job(&self, administrator: UserId, service: &str, id: i64) -> Result<Job> {
        let job = self.jobs.retry(service, id).await?;
        // Not before, as with a report's action: the service may refuse.
        self.outbox
            .transact(|txn| {
                let (outbox, job) = (&self.outbox, &job);
                async move {
                    let entry = AuditEntry {
                        actor: Some(administrator),
                        action: "job.retried",
                        object_type: "job",
                        object_id: id.to_string(),
                        before: Some(json!({"state": "dead"})),
                        after: Some(json!({"service": service, "kind": job.kind, "state": job.state})),
                        ..AuditEntry::default()
                    };
                    outbox.audit(&txn, entry).await
                }
            })
            .await?;
        Ok(job)
    }
}
