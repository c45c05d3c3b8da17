//! The bus of one process: from an outbox into the mailbox of each consumer.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use fenz_chassis::Clock;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{
    Listener,
    bus::Published,
    envelope::Envelope,
    event::kind,
    store::{mailbox, outbox::Row},
};

/// Who consumes what in this process; `process.shared.get()` has it. Whoever
/// launches several services calls [`Self::open`] when all have started.
#[derive(Clone, Default)]
pub struct MailboxRegistry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    consumers: Mutex<Vec<Consumer>>,
    listeners: Mutex<Vec<Listener>>,
    open: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Consumer {
    pub service: &'static str,
    /// Families and what happened.
    pub kinds: Vec<(&'static str, &'static str)>,
    pub db: DatabaseConnection,
    pub clock: Clock,
    /// Letters have come.
    pub arrived: Arc<Notify>,
}

impl MailboxRegistry {
    /// Every consumer is known: events are delivered from now on. Until then,
    /// and for ever in a process that has no bus and is not the whole platform,
    /// they wait in their outboxes: who is not there yet must not miss them.
    pub fn open(&self) {
        self.0.open.store(true, Ordering::Release);
    }

    /// Adds a consumer; of two of a service, which share their database, each
    /// is woken.
    pub(crate) fn add(&self, consumer: Consumer) {
        self.0.consumers.lock().unwrap_or_else(PoisonError::into_inner).push(consumer);
    }

    pub(crate) fn remove(&self, arrived: &Arc<Notify>) {
        let mut consumers = self.0.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        // The last of a service stays: its letters wait for the next start.
        let position = consumers.iter().position(|c| Arc::ptr_eq(&c.arrived, arrived));
        if let Some(position) = position {
            let service = consumers[position].service;
            if consumers.iter().filter(|c| c.service == service).count() > 1 {
                consumers.remove(position);
            }
        }
    }

    /// Adds one who overhears.
    pub(crate) fn overhear(&self, listener: Listener) {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(crate) async fn publish(&self, rows: &[Row]) -> Published {
        if !self.0.open.load(Ordering::Acquire) {
            let problem = anyhow::anyhow!("no bus is set (FENZ_BUS__URL), or not all services have started");
            return Published { seqs: Vec::new(), problem: Some(problem) };
        }
        for listener in &*self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner) {
            for row in rows {
                listener.hear_envelope(&row.envelope);
            }
        }
        let consumers = self.0.consumers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let mut problem = None;
        for consumer in &consumers {
            let wanted: Vec<&Row> = rows.iter().filter(|row| consumer.wants(&row.envelope)).collect();
            if wanted.is_empty() {
                continue;
            }
            let envelopes: Vec<&Envelope> = wanted.iter().map(|row| &row.envelope).collect();
            let now = consumer.clock.now();
            match mailbox::insert(&consumer.db, consumer.service, &envelopes, 0, now).await {
                Ok(()) => consumer.arrived.notify_one(),
                Err(error) => {
                    seqs.retain(|seq| !wanted.iter().any(|row| row.seq == *seq));
                    problem = Some(anyhow::Error::from(error).context(format!("the mailbox of {}", consumer.service)));
                }
            }
        }
        Published { seqs, problem }
    }
}

impl Consumer {
    fn wants(&self, envelope: &Envelope) -> bool {
        kind(&envelope.subject).is_some_and(|kind| self.kinds.contains(&kind))
    }
}
