//! A service's consumer of the stream.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_nats::jetstream::{AckKind, Message, consumer::pull};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    circuit_breaker::CircuitBreaker,
    handler_error::describe,
    jetstream::{JetStream, PROGRESS},
    worker::{Delivery, Worker},
};

/// Events that are fetched ahead.
const BATCH: usize = 16;
/// How long the broker holds a pull request, and its heartbeat meanwhile.
const EXPIRES: Duration = Duration::from_secs(20);
const HEARTBEAT: Duration = Duration::from_secs(4);
/// When the broker redelivers what was not handled: not before our pull request
/// has ended, or it would be sent to nobody.
const REDELIVERY: Duration = Duration::from_millis(200);
/// How often the broker is asked how many events wait.
const MEASURE: Duration = Duration::from_secs(15);

pub struct StreamConsumer {
    pub worker: Arc<Worker>,
    pub stream: JetStream,
    pub filters: Vec<String>,
    /// Notified when there may be a new event in the mailbox.
    pub mailbox: Arc<Notify>,
}

impl StreamConsumer {
    /// Consumes until `stop`; starts over when the broker or a dependency was
    /// unavailable.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let worker = &self.worker;
        let (mut backoff, mut probe) = (Backoff::default(), CircuitBreaker::probe_backoff());
        while !stop.is_cancelled() {
            if worker.breaker.is_halted() {
                worker.breaker.wait_for_probe(&mut probe, &stop).await;
            } else {
                probe.reset();
            }
            let Err(error) = self.consume(&mut backoff, &stop).await else { continue };
            tracing::warn!(service = worker.service, error = format!("{error:#}"), "the consumer pauses");
            backoff.sleep(&stop).await;
            // Nothing is fetched that could not be handled.
            while !stop.is_cancelled() && worker.db.ping().await.is_err() {
                backoff.sleep(&stop).await;
            }
        }
        Ok(())
    }

    /// Until `stop`, or until something is unavailable, or the consumer is
    /// halted. A halted one takes a single event, to find out whether to resume.
    async fn consume(&self, backoff: &mut Backoff, stop: &CancellationToken) -> Result<()> {
        let Self { worker, stream, filters, .. } = self;
        let halted = worker.breaker.is_halted();
        let (batch, concurrency) = if halted { (1, 1) } else { (BATCH, worker.concurrency()) };
        let consumer = stream.consumer(worker.service, filters).await?;
        let pull = consumer.stream().max_messages_per_batch(batch).expires(EXPIRES).heartbeat(HEARTBEAT);
        let mut messages = pull.messages().await?;
        let mut measure = tokio::time::interval(MEASURE);
        let mut running = FuturesUnordered::new();
        let result = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                () = worker.breaker.until(!halted) => break Ok(()),
                Some(done) = running.next() => match done {
                    Ok(()) if halted => break Ok(()),
                    Ok(()) => backoff.reset(),
                    Err(error) => break Err(error),
                },
                _ = measure.tick() => match stream.pending(&consumer, filters).await {
                    Ok(waiting) => {
                        metrics::gauge!("fenz_events_consumer_waiting", "service" => worker.service).set(waiting as f64);
                    }
                    Err(error) => break Err(error),
                },
                message = messages.next(), if running.len() < concurrency => match message {
                    Some(Ok(message)) => running.push(self.process(message)),
                    Some(Err(error)) => break Err(error).context("the broker does not answer"),
                    None => break Err(anyhow::anyhow!("the broker ended the delivery")),
                },
            }
        };
        while running.next().await.is_some() {}
        return_fetched(messages).await;
        result
    }

    /// Processes an event and acknowledges it.
    async fn process(&self, message: Message) -> Result<()> {
        let delivery = Delivery { envelope: self.stream.envelope(&message), failures: 0, in_mailbox: false };
        let processing = self.worker.process(&delivery);
        tokio::pin!(processing);
        let processed = loop {
            match tokio::time::timeout(PROGRESS, &mut processing).await {
                Ok(processed) => break processed,
                Err(_) => acknowledge(&message, AckKind::Progress).await,
            }
        };
        let (kind, unavailable) = match processed {
            Ok(ControlFlow::Continue(())) => (AckKind::Ack, None),
            Ok(ControlFlow::Break(error)) => (AckKind::Ack, Some(error)),
            Err(error) => (AckKind::Nak(Some(REDELIVERY)), Some(error)),
        };
        // A lost acknowledgement redelivers the event, which changes nothing.
        acknowledge(&message, kind).await;
        self.mailbox.notify_one();
        unavailable.map_or(Ok(()), |error| Err(anyhow::anyhow!(describe(&error))))
    }
}

/// What was fetched and not begun is for another replica, or for later.
async fn return_fetched(mut messages: pull::Stream) {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        acknowledge(&message, AckKind::Nak(Some(REDELIVERY))).await;
    }
}

/// Best effort: without it the broker redelivers.
async fn acknowledge(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(error, "an acknowledgement failed");
    }
}
