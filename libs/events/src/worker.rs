//! What happens to one event: its effect and the note that it had it, in one
//! transaction.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fenz_chassis::{
    Clock, Error, Platform, Reason, Result,
    database::{Txn, is_duplicate, transact},
};
use futures::FutureExt;
use sea_orm::{DatabaseConnection, DbBackend};
use tracing::Instrument;

use crate::{
    Refusal, backoff,
    consumer::Handler,
    envelope::Envelope,
    event::kind,
    store::{dead_letters, inbox, mailbox, mailbox::Letter},
};

/// How often an event may fail through its own fault.
const TRIES: i32 = 5;
/// How long an event without a handler is left to replicas of a newer version,
/// which may have one: while a service is updated, both hear.
const UPDATE_TIME: Duration = Duration::from_secs(600);
/// How often they get it.
const OFFER: Duration = Duration::from_secs(2);
/// Characters of a reason that are kept.
const MAX_REASON: usize = 4_000;

/// The handlers of a service, and the database that they work on.
pub struct Worker {
    pub service: &'static str,
    pub db: DatabaseConnection,
    pub clock: Clock,
    handlers: BTreeMap<(&'static str, &'static str), Handler>,
}

/// What came of an event.
#[derive(Debug)]
pub enum Outcome {
    /// It had its effect, now or before, or has none.
    Done,
    /// Not for us, and too young to say: for nobody. Perhaps a replica of a
    /// newer version takes it.
    NotOurs,
    /// It is bad.
    Bad(String),
    /// Something is away.
    Away(Error),
}

impl Worker {
    pub fn new(platform: &Platform, handlers: BTreeMap<(&'static str, &'static str), Handler>) -> anyhow::Result<Self> {
        Ok(Self { service: platform.service, db: platform.db()?, clock: platform.clock.clone(), handlers })
    }

    /// Events that are handled side by side. SQLite has one writer.
    pub fn width(&self) -> usize {
        if self.db.get_database_backend() == DbBackend::Sqlite { 1 } else { 4 }
    }

    /// Gives an event its effect, as part of the request that caused it.
    /// `letter` when it lies in the mailbox, which it then leaves.
    pub async fn handle(&self, envelope: &Envelope, letter: bool) -> Outcome {
        let Some(handler) = kind(&envelope.subject).and_then(|kind| self.handlers.get(&kind)) else {
            return self.without_handler(envelope, letter).await;
        };
        let context = envelope.context();
        let span = tracing::info_span!(
            "events.handle",
            service = self.service,
            event.subject = envelope.subject,
            event.id = envelope.id,
            request.id = context.id,
            trace.id = format_args!("{:032x}", context.trace.trace_id),
            span.id = format_args!("{:016x}", context.trace.span_id),
        );
        let outcome = context.scope(self.apply(handler, envelope, letter).instrument(span)).await;
        let label = match &outcome {
            Outcome::Done | Outcome::NotOurs => "done",
            Outcome::Bad(_) => "bad",
            Outcome::Away(_) => "away",
        };
        metrics::counter!("fenz_events_handled_total", "service" => self.service, "outcome" => label).increment(1);
        outcome
    }

    async fn without_handler(&self, envelope: &Envelope, letter: bool) -> Outcome {
        if envelope.time().is_some_and(|time| time > self.clock.ago(UPDATE_TIME)) {
            return Outcome::NotOurs;
        }
        if letter && let Err(error) = mailbox::delete(&self.db, self.service, &envelope.id).await {
            return Outcome::Away(error.into());
        }
        Outcome::Done
    }

    async fn apply(&self, handler: &Handler, envelope: &Envelope, letter: bool) -> Outcome {
        let had = AtomicBool::new(false);
        let bad = Mutex::new(None);
        let applied = transact(&self.db, |txn| {
            let (had, bad) = (&had, &bad);
            async move {
                let now = self.clock.now();
                if let Err(error) = inbox::insert_in_txn(txn.as_ref(), &envelope.id, self.service, now).await {
                    had.store(is_duplicate(&error), Ordering::Relaxed);
                    return Err(error.into());
                }
                match guarded(handler, txn.clone(), envelope, now).await {
                    Ok(()) if letter => Ok(mailbox::delete(txn.as_ref(), self.service, &envelope.id).await?),
                    Ok(()) => Ok(()),
                    Err(Refusal::Dependency(error)) => Err(error),
                    Err(Refusal::Message(reason)) => {
                        *bad.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                        Err(Error::new(Reason::InvalidParams, "a bad event"))
                    }
                }
            }
        })
        .await;
        let Err(error) = applied else { return Outcome::Done };
        if let Some(reason) = bad.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Outcome::Bad(reason);
        }
        if !had.into_inner() {
            return match Refusal::from(error) {
                Refusal::Message(reason) => Outcome::Bad(reason),
                Refusal::Dependency(error) => Outcome::Away(error),
            };
        }
        if letter && let Err(error) = mailbox::delete(&self.db, self.service, &envelope.id).await {
            return Outcome::Away(error.into());
        }
        Outcome::Done
    }

    /// Puts a bad event from the bus into the mailbox, to be tried again from
    /// there while the bus goes on.
    pub async fn park(&self, envelope: &Envelope, reason: &str) -> Result<()> {
        self.note_failure(envelope, 1, reason);
        let due = self.clock.after(backoff::after(1));
        Ok(mailbox::insert(&self.db, self.service, &[envelope], 1, due).await?)
    }

    /// Puts an event from the bus where replicas of a newer version find it.
    pub async fn leave(&self, envelope: &Envelope) -> Result<()> {
        let due = self.clock.after(OFFER);
        Ok(mailbox::insert(&self.db, self.service, &[envelope], 0, due).await?)
    }

    /// Leaves an event of the mailbox there.
    pub async fn leave_again(&self, letter: &Letter) -> Result<()> {
        let due = self.clock.after(OFFER);
        Ok(mailbox::put_off(&self.db, self.service, letter, letter.tries, due).await?)
    }

    /// Puts a bad event of the mailbox off, or gives it up.
    pub async fn retry(&self, letter: &Letter, reason: &str) -> Result<()> {
        let (envelope, tries) = (&letter.envelope, letter.tries + 1);
        self.note_failure(envelope, tries, reason);
        if tries < TRIES {
            let due = self.clock.after(backoff::after(tries as u32));
            return Ok(mailbox::put_off(&self.db, self.service, letter, tries, due).await?);
        }
        // PostgreSQL takes no NUL, and nobody reads a book.
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
            event.id = envelope.id,
            event.subject = envelope.subject,
            reason,
            "an event is a dead letter"
        );
        Ok(())
    }

    fn note_failure(&self, envelope: &Envelope, tries: i32, reason: &str) {
        let (service, id) = (self.service, envelope.id.as_str());
        tracing::warn!(service, event.id = id, event.subject = envelope.subject, tries, reason, "an event failed");
    }
}

/// A handler that panics has met a bad event; it must not end the process, or
/// the event would end every next one.
async fn guarded(
    handler: &Handler,
    txn: Txn,
    envelope: &Envelope,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Refusal> {
    let handling = AssertUnwindSafe(async { handler(txn, envelope.clone(), now).await });
    handling.catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Refusal::message(format_args!("the handler panicked: {}", text.unwrap_or("no text"))))
    })
}
