//! The mailbox of a service: its retry queue, and without a broker the queue of
//! all its events.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use fenz_core::Error;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    circuit_breaker::CircuitBreaker,
    handler_error::describe,
    store::mailbox,
    worker::{Delivery, Worker},
};

/// Events that are read at once.
const BATCH: u64 = 16;
/// Events that a halted consumer tries at once: more than halted it, so that one
/// is among them that did not fail.
const PROBES: u64 = 4;
/// How often the mailbox is polled: another process may have put an event there.
const POLL: Duration = Duration::from_secs(1);

pub struct MailboxConsumer {
    worker: Arc<Worker>,
    arrived: Arc<Notify>,
}

impl MailboxConsumer {
    pub fn new(worker: Arc<Worker>) -> Self {
        Self { worker, arrived: Arc::default() }
    }

    /// To notify when there may be a new event.
    pub fn arrived(&self) -> Arc<Notify> {
        self.arrived.clone()
    }

    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let worker = &self.worker;
        let (mut backoff, mut probe) = (Backoff::default(), CircuitBreaker::probe_backoff());
        while !stop.is_cancelled() {
            let processed = self.process_due().await;
            if let Err(error) = &processed {
                tracing::warn!(service = worker.service, error = describe(error), "the consumer pauses");
                backoff.sleep(&stop).await;
                continue;
            }
            backoff.reset();
            if worker.breaker.is_halted() {
                worker.breaker.wait_for_probe(&mut probe, &stop).await;
                continue;
            }
            probe.reset();
            if matches!(processed, Ok(0)) {
                self.wait(&stop).await;
            }
        }
        Ok(())
    }

    /// Processes what is due. How many events there were.
    async fn process_due(&self) -> Result<usize, Error> {
        let worker = &self.worker;
        let halted = worker.breaker.is_halted();
        let limit = if halted { PROBES } else { BATCH };
        let due = mailbox::due(&worker.db, worker.service, worker.clock.now(), limit).await?;
        let count = due.len();
        let mut due = due.into_iter();
        let mut running = FuturesUnordered::new();
        let mut problem = None;
        loop {
            // Those that run are completed; when something is unavailable or the consumer halts, no more begin.
            while problem.is_none() && worker.breaker.is_halted() == halted && running.len() < worker.concurrency() {
                let Some(delivery) = due.next() else { break };
                running.push(self.process(delivery));
            }
            match running.next().await {
                None => return problem.map_or(Ok(count), Err),
                Some(Ok(ControlFlow::Continue(()))) => {}
                Some(Ok(ControlFlow::Break(error)) | Err(error)) => problem = Some(error),
            }
        }
    }

    async fn process(&self, delivery: Delivery) -> Result<ControlFlow<Error>, Error> {
        self.worker.process(&delivery).await
    }

    /// Until something arrives or becomes due.
    async fn wait(&self, stop: &CancellationToken) {
        let worker = &self.worker;
        let poll = fenz_database::poll_interval(&worker.db, POLL);
        let due = match mailbox::next_due(&worker.db, worker.service).await {
            // Some may be overdue by now.
            Ok(due) => due.map(|due| (due - worker.clock.now()).to_std().unwrap_or_default()),
            // The next poll will report it.
            Err(_) => Some(POLL),
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.arrived.notified() => {}
            () = tokio::time::sleep(due.unwrap_or(poll).clamp(Duration::from_millis(1), poll)) => {}
        }
    }
}
