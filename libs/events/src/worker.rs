//! Applies one event: the handler's changes and the inbox row in one
//! transaction.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use fenz_chassis::{Platform, ops::Readiness};
use fenz_contract::event;
use fenz_core::{Clock, Error, Random, Reason, Result};
use fenz_database::{Txn, transact};
use futures::FutureExt;
use sea_orm::{DatabaseConnection, DbBackend};
use tracing::Instrument;

use crate::{
    HandlerError,
    circuit_breaker::CircuitBreaker,
    consumer::Handler,
    envelope::Envelope,
    store::{inbox, mailbox},
};

/// How long an event without a handler is kept for replicas of a newer version,
/// which may have one: during a rolling update both consume.
const UPDATE_TIME: Duration = Duration::from_secs(600);

/// The handlers of a service, and the database that they change.
pub struct Worker {
    pub service: &'static str,
    pub db: DatabaseConnection,
    pub clock: Clock,
    random: Random,
    pub readiness: Readiness,
    pub breaker: CircuitBreaker,
    handlers: BTreeMap<(&'static str, &'static str), Handler>,
}

/// An event from the stream or the mailbox.
pub struct Delivery {
    pub envelope: Envelope,
    /// How often it failed through its own fault.
    pub failures: i32,
    /// Whether it has a row in the mailbox.
    pub in_mailbox: bool,
}

/// The result of one try.
pub enum Outcome {
    /// Applied, now or before, or nothing to apply.
    Done,
    /// No handler here; perhaps a replica of a newer version has one.
    Unhandled,
    Failed(HandlerError),
}

impl Worker {
    pub fn new(
        platform: &Platform,
        db: DatabaseConnection,
        handlers: BTreeMap<(&'static str, &'static str), Handler>,
    ) -> Self {
        Self {
            service: platform.service,
            db,
            clock: platform.clock.clone(),
            random: platform.random.clone(),
            readiness: platform.readiness.clone(),
            breaker: CircuitBreaker::new(platform.service),
            handlers,
        }
    }

    /// Events that are handled concurrently. SQLite has one writer.
    pub fn concurrency(&self) -> usize {
        if self.db.get_database_backend() == DbBackend::Sqlite { 1 } else { 4 }
    }

    /// Applies an event, in the context of the request that caused it. Its row
    /// in the mailbox goes in the same transaction.
    pub async fn handle(&self, delivery: &Delivery) -> Outcome {
        let envelope = &delivery.envelope;
        let Some(handler) = event::split(&envelope.subject).and_then(|kind| self.handlers.get(&kind)) else {
            return self.without_handler(delivery).await;
        };
        let context = envelope.context(&self.random);
        let span = tracing::info_span!(
            "events.handle",
            service = self.service,
            event.subject = envelope.subject,
            event.id = %envelope.id,
            request.id = %context.id,
            trace.id = format_args!("{:032x}", context.trace.trace_id),
            span.id = format_args!("{:016x}", context.trace.span_id),
        );
        let outcome = context.scope(self.apply(handler, delivery).instrument(span)).await;
        let label = match &outcome {
            Outcome::Done | Outcome::Unhandled => "done",
            Outcome::Failed(HandlerError::Invalid(_)) => "invalid",
            Outcome::Failed(HandlerError::Unavailable(_)) => "unavailable",
            Outcome::Failed(HandlerError::Internal(_)) => "internal",
        };
        metrics::counter!("fenz_events_handled_total", "service" => self.service, "outcome" => label).increment(1);
        outcome
    }

    async fn without_handler(&self, delivery: &Delivery) -> Outcome {
        if delivery.envelope.time().is_some_and(|time| time > self.clock.ago(UPDATE_TIME)) {
            return Outcome::Unhandled;
        }
        self.forget(delivery).await
    }

    async fn apply(&self, handler: &Handler, delivery: &Delivery) -> Outcome {
        let envelope = &delivery.envelope;
        let (duplicate, invalid) = (AtomicBool::new(false), OnceLock::new());
        let applied = transact(&self.db, |txn| {
            let (duplicate, invalid) = (&duplicate, &invalid);
            async move {
                let now = self.clock.now();
                if let Err(error) = inbox::insert_in_txn(txn.as_ref(), &envelope.id, self.service, now).await {
                    duplicate.store(error.is_duplicate(), Ordering::Relaxed);
                    return Err(error.into());
                }
                match run_handler(handler, txn.clone(), envelope, now).await {
                    Ok(()) if delivery.in_mailbox => {
                        Ok(mailbox::delete(txn.as_ref(), self.service, &envelope.id).await?)
                    }
                    Ok(()) => Ok(()),
                    Err(HandlerError::Unavailable(error) | HandlerError::Internal(error)) => Err(error),
                    Err(HandlerError::Invalid(reason)) => {
                        invalid.get_or_init(|| reason);
                        Err(Error::new(Reason::InvalidParams, "an invalid event"))
                    }
                }
            }
        })
        .await;
        match (applied, invalid.into_inner()) {
            (Ok(()), _) => {
                self.breaker.record_success();
                Outcome::Done
            }
            (Err(_), Some(reason)) => Outcome::Failed(HandlerError::Invalid(reason)),
            (Err(_), None) if duplicate.into_inner() => self.forget(delivery).await,
            (Err(error), None) => Outcome::Failed(error.into()),
        }
    }

    /// Nothing to apply: only a row in the mailbox is left to delete.
    async fn forget(&self, delivery: &Delivery) -> Outcome {
        if delivery.in_mailbox
            && let Err(error) = mailbox::delete(&self.db, self.service, &delivery.envelope.id).await
        {
            return Outcome::Failed(error.into());
        }
        Outcome::Done
    }
}

/// A panic is an error of the handler; it must not end the process, or the
/// event would end every restart of it.
async fn run_handler(handler: &Handler, txn: Txn, envelope: &Envelope, now: DateTime<Utc>) -> Result<(), HandlerError> {
    let handling = AssertUnwindSafe(async { handler(txn, envelope.clone(), now).await });
    handling.catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("no text");
        Err(HandlerError::Internal(Error::internal(anyhow::anyhow!("the handler panicked: {text}"))))
    })
}
