//! Where a consumer's events come from: the stream, and its own mailbox.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_nats::jetstream::{AckKind, Message, consumer::pull};
use fenz_chassis::Error;
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    jetstream::{JetStream, PROGRESS},
    store::mailbox::{self, Letter},
    worker::{Outcome, Worker},
};

/// Events that are fetched ahead.
const BATCH: usize = 16;
/// How long the broker holds a request for events, and how often it says that
/// it does.
const HOLD: Duration = Duration::from_secs(20);
const HEARTBEAT: Duration = Duration::from_secs(4);
/// How often the mailbox is looked at where nothing tells that there is
/// something: another process may have put it there.
const LOOK: Duration = Duration::from_secs(1);
/// When the broker delivers again what was not handled: not before our request
/// for more has ended, or it would go to where nobody listens.
const AFTER: Duration = Duration::from_millis(200);
/// How often the broker is asked how much waits.
const MEASURE: Duration = Duration::from_secs(15);

/// Takes from the stream until the end; starts over when the broker or
/// something that a handler needs was away.
pub async fn from_stream(
    worker: Arc<Worker>,
    stream: JetStream,
    filters: Vec<String>,
    parked: Arc<Notify>,
    stop: CancellationToken,
) -> Result<()> {
    let intake = Intake { worker, stream, parked };
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        let Err(error) = intake.take(&filters, &mut backoff, &stop).await else { continue };
        tracing::warn!(service = intake.worker.service, error = format!("{error:#}"), "the consumer pauses");
        pause(&mut backoff, &stop).await;
        // Nothing is fetched that could not be handled.
        while !stop.is_cancelled() && intake.worker.db.ping().await.is_err() {
            pause(&mut backoff, &stop).await;
        }
    }
    Ok(())
}

async fn pause(backoff: &mut Backoff, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(backoff.next()) => {}
    }
}

struct Intake {
    worker: Arc<Worker>,
    stream: JetStream,
    parked: Arc<Notify>,
}

impl Intake {
    /// Until the end, or until something is away.
    async fn take(&self, filters: &[String], backoff: &mut Backoff, stop: &CancellationToken) -> Result<()> {
        let consumer = self.stream.consumer(self.worker.service, filters).await?;
        let stream = consumer.stream().max_messages_per_batch(BATCH).expires(HOLD).heartbeat(HEARTBEAT);
        let mut messages = stream.messages().await?;
        let mut measure = tokio::time::interval(MEASURE);
        let mut working = FuturesUnordered::new();
        let result = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                Some(done) = working.next() => match done {
                    Ok(()) => backoff.reset(),
                    Err(error) => break Err(error),
                },
                _ = measure.tick() => match self.stream.pending(&consumer, filters).await {
                    Ok(waiting) => {
                        let service = self.worker.service;
                        metrics::gauge!("fenz_events_consumer_waiting", "service" => service).set(waiting as f64);
                    }
                    Err(error) => break Err(error),
                },
                message = messages.next(), if working.len() < self.worker.width() => match message {
                    Some(Ok(message)) => working.push(self.settle(message)),
                    Some(Err(error)) => break Err(error).context("the broker does not answer"),
                    None => break Err(anyhow::anyhow!("the broker ended the delivery")),
                },
            }
        };
        while working.next().await.is_some() {}
        give_back(messages).await;
        result
    }

    /// Handles an event and tells the broker what came of it.
    async fn settle(&self, message: Message) -> Result<()> {
        let envelope = self.stream.envelope(&message);
        let handling = self.worker.handle(&envelope, false);
        tokio::pin!(handling);
        let outcome = loop {
            match tokio::time::timeout(PROGRESS, &mut handling).await {
                Ok(outcome) => break outcome,
                Err(_) => answer(&message, AckKind::Progress).await,
            }
        };
        let failure = match outcome {
            Outcome::Done => None,
            Outcome::NotOurs => self.worker.leave(&envelope).await.err(),
            Outcome::Bad(reason) => self.worker.park(&envelope, &reason).await.err(),
            Outcome::Away(error) => Some(error),
        };
        let Some(error) = failure else {
            // One that gets lost brings the event again, to no effect.
            answer(&message, AckKind::Ack).await;
            self.parked.notify_one();
            return Ok(());
        };
        answer(&message, AckKind::Nak(Some(AFTER))).await;
        Err(away(&error))
    }
}

/// What was fetched and not begun is for another replica, or for later.
async fn give_back(mut messages: pull::Stream) {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        answer(&message, AckKind::Nak(Some(AFTER))).await;
    }
}

/// Best effort: without an answer the broker delivers again.
async fn answer(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(error, "the broker was not answered");
    }
}

fn away(error: &Error) -> anyhow::Error {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    anyhow::anyhow!("something the consumer needs is away: {cause}")
}

/// The mailbox of a service: all its events in one process, elsewhere those to
/// be tried again.
pub struct Letters {
    worker: Arc<Worker>,
    arrived: Arc<Notify>,
}

impl Letters {
    pub fn new(worker: Arc<Worker>) -> Self {
        Self { worker, arrived: Arc::default() }
    }

    /// Told when there is something new.
    pub fn arrived(&self) -> Arc<Notify> {
        self.arrived.clone()
    }

    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.take_due().await {
                Ok(0) => {
                    backoff.reset();
                    self.wait(&stop).await;
                }
                Ok(_) => backoff.reset(),
                Err(error) => {
                    let service = self.worker.service;
                    tracing::warn!(service, error = format!("{error:#}"), "the consumer pauses");
                    pause(&mut backoff, &stop).await;
                }
            }
        }
        Ok(())
    }

    /// Handles what is due. How many there were.
    async fn take_due(&self) -> Result<usize> {
        let worker = &self.worker;
        let due = mailbox::due(&worker.db, worker.service, worker.clock.now(), BATCH as u64).await?;
        let count = due.len();
        let mut due = due.into_iter();
        let mut working = FuturesUnordered::new();
        let mut problem = None;
        loop {
            // Once something is away, those that have begun come to their end and no more begin.
            while problem.is_none() && working.len() < worker.width() {
                let Some(letter) = due.next() else { break };
                working.push(self.settle(letter));
            }
            match working.next().await {
                None => return problem.map_or(Ok(count), Err),
                Some(Ok(())) => {}
                Some(Err(error)) => problem = Some(away(&error)),
            }
        }
    }

    async fn settle(&self, letter: Letter) -> Result<(), Error> {
        let worker = &self.worker;
        match worker.handle(&letter.envelope, true).await {
            Outcome::Done => Ok(()),
            Outcome::NotOurs => worker.leave_again(&letter).await,
            Outcome::Bad(reason) => worker.retry(&letter, &reason).await,
            Outcome::Away(error) => Err(error),
        }
    }

    /// Until something arrives or becomes due.
    async fn wait(&self, stop: &CancellationToken) {
        let worker = &self.worker;
        let due = match mailbox::next_due(&worker.db, worker.service).await {
            Ok(due) => due.and_then(|due| (due - worker.clock.now()).to_std().ok()),
            // The next look will tell.
            Err(_) => None,
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.arrived.notified() => {}
            () = tokio::time::sleep(due.unwrap_or(LOOK).clamp(Duration::from_millis(1), LOOK)) => {}
        }
    }
}
