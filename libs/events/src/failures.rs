//! What becomes of an event that failed: another try, or a dead letter.

use std::{ops::ControlFlow, time::Duration};

use fenz_core::{Error, Result};
use fenz_database::transact;

use crate::{
    HandlerError,
    backoff::retry_delay,
    dead_letters::replay,
    handler_error::describe,
    store::{dead_letters, mailbox},
    worker::{Delivery, Outcome, Worker},
};

/// How often an event may fail through its own fault.
pub const TRIES: i32 = 5;
/// When an event is tried again that failed through no fault of its own. Longer
/// than the consumer pauses at first, so that others come before it.
const DEFER: Duration = Duration::from_secs(5);
/// How often an event without a handler is offered to newer replicas.
const OFFER: Duration = Duration::from_secs(2);
/// Characters of a reason that are stored.
const MAX_REASON: usize = 4_000;

impl Worker {
    /// Handles an event and stores what its failure leads to. `Break` when the
    /// consumer should pause: something it needs is unavailable. On an error
    /// nothing was stored, and the event stays where it came from.
    pub async fn process(&self, delivery: &Delivery) -> Result<ControlFlow<Error>> {
        match self.handle(delivery).await {
            Outcome::Done => {}
            Outcome::Unhandled => self.defer(delivery, OFFER).await?,
            Outcome::Failed(HandlerError::Invalid(reason)) => self.retry(delivery, &reason).await?,
            Outcome::Failed(HandlerError::Unavailable(error)) => return self.pause(delivery, error).await,
            Outcome::Failed(HandlerError::Internal(error)) => match self.unavailable_dependency().await {
                Some(name) => return self.pause(delivery, Error::unavailable(&name, error)).await,
                None => self.fail(delivery, &describe(&error)).await?,
            },
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Never gives an event up, however long the outage: it may be a peer's.
    async fn pause(&self, delivery: &Delivery, error: Error) -> Result<ControlFlow<Error>> {
        self.defer(delivery, DEFER).await?;
        Ok(ControlFlow::Break(error))
    }

    /// The first of the service's required dependencies that does not answer.
    async fn unavailable_dependency(&self) -> Option<String> {
        let problems = self.readiness.problems().await;
        problems.into_keys().find(|name| name.strip_prefix(self.service).is_some_and(|rest| rest.starts_with('.')))
    }

    /// An error while all dependencies answer: the event's fault, unless events
    /// fail in a row.
    async fn fail(&self, delivery: &Delivery, reason: &str) -> Result<()> {
        let Some(given_up) = self.breaker.record_failure(&delivery.envelope.id, reason) else {
            return self.retry(delivery, reason).await;
        };
        self.log_failure(delivery, reason);
        for id in given_up {
            replay(&self.db, &self.clock, Some(&id)).await?;
        }
        self.defer(delivery, DEFER).await
    }

    /// Counts a failure: the event is tried again later, or given up.
    async fn retry(&self, delivery: &Delivery, reason: &str) -> Result<()> {
        self.log_failure(delivery, reason);
        let failures = delivery.failures + 1;
        if failures < TRIES {
            return self.enqueue_retry(delivery, failures, retry_delay(failures)).await;
        }
        let envelope = &delivery.envelope;
        // PostgreSQL's text has no NUL.
        let reason: &str = &reason.chars().filter(|c| *c != '\0').take(MAX_REASON).collect::<String>();
        transact(&self.db, |txn| async move {
            let now = self.clock.now();
            dead_letters::insert_in_txn(txn.as_ref(), self.service, envelope, reason, now).await?;
            mailbox::delete(txn.as_ref(), self.service, &envelope.id).await?;
            Ok(())
        })
        .await?;
        tracing::error!(
            service = self.service,
            event.id = %envelope.id,
            event.subject = envelope.subject,
            reason,
            "an event is a dead letter"
        );
        Ok(())
    }

    /// Tries the event again later without counting a failure.
    async fn defer(&self, delivery: &Delivery, delay: Duration) -> Result<()> {
        self.enqueue_retry(delivery, delivery.failures, delay).await
    }

    async fn enqueue_retry(&self, delivery: &Delivery, failures: i32, delay: Duration) -> Result<()> {
        let due = self.clock.after(delay);
        if delivery.in_mailbox {
            mailbox::reschedule(&self.db, self.service, delivery, failures, due).await?;
        } else {
            mailbox::insert(&self.db, self.service, &[&delivery.envelope], failures, due).await?;
        }
        Ok(())
    }

    fn log_failure(&self, delivery: &Delivery, reason: &str) {
        let (service, Delivery { envelope, failures, .. }) = (self.service, delivery);
        let (event, subject) = (envelope.id.as_str(), envelope.subject.as_str());
        tracing::warn!(service, event.id = %event, event.subject = subject, failures, reason, "an event failed");
    }
}
