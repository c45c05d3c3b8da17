//! The bus of one process: publishes into the mailbox of each consumer.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use fenz_contract::event;
use fenz_core::Clock;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{
    BroadcastSubscriber,
    bus::Published,
    envelope::Envelope,
    store::{mailbox, outbox::Row},
};

/// The consumers of this process; `process.shared.get()` returns it. A launcher
/// of several services calls [`Self::open`] when all have started.
#[derive(Clone, Default)]
pub struct MailboxRegistry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    consumers: Mutex<Vec<Consumer>>,
    subscribers: Mutex<Vec<BroadcastSubscriber>>,
    open: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Consumer {
    pub service: &'static str,
    /// Subject family and what happened.
    pub kinds: Vec<(&'static str, &'static str)>,
    pub db: DatabaseConnection,
    pub clock: Clock,
    /// Notified when events were inserted.
    pub arrived: Arc<Notify>,
}

impl MailboxRegistry {
    /// Every consumer is known: events are delivered from now on. Until then,
    /// and for ever in a process that has no bus and is not the whole platform,
    /// they wait in their outboxes: a consumer that starts later must get them.
    pub fn open(&self) {
        self.0.open.store(true, Ordering::Release);
    }

    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    /// Adds a consumer; of two of a service, which share their database, both
    /// are notified.
    pub(crate) fn add(&self, consumer: Consumer) {
        self.0.consumers.lock().unwrap_or_else(PoisonError::into_inner).push(consumer);
    }

    pub(crate) fn remove(&self, arrived: &Arc<Notify>) {
        let mut consumers = self.0.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        // The last of a service stays: its events wait for the next start.
        let position = consumers.iter().position(|c| Arc::ptr_eq(&c.arrived, arrived));
        if let Some(position) = position {
            let service = consumers[position].service;
            if consumers.iter().filter(|c| c.service == service).count() > 1 {
                consumers.remove(position);
            }
        }
    }

    pub(crate) fn subscribe(&self, subscriber: BroadcastSubscriber) {
        self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(subscriber);
    }

    pub(crate) async fn publish(&self, rows: &[Row]) -> Published {
        if !self.is_open() {
            let problem = anyhow::anyhow!("no bus is set (FENZ_BUS__URL), or not all services have started");
            return Published { seqs: Vec::new(), problem: Some(problem) };
        }
        for subscriber in &*self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner) {
            for row in rows {
                subscriber.call(&row.envelope.subject, &row.envelope.payload);
            }
        }
        let consumers = self.0.consumers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let mut problem = None;
        for consumer in &consumers {
            let matching: Vec<&Row> = rows.iter().filter(|row| consumer.handles(&row.envelope)).collect();
            if matching.is_empty() {
                continue;
            }
            let envelopes: Vec<&Envelope> = matching.iter().map(|row| &row.envelope).collect();
            let now = consumer.clock.now();
            match mailbox::insert(&consumer.db, consumer.service, &envelopes, 0, now).await {
                Ok(()) => consumer.arrived.notify_one(),
                Err(error) => {
                    seqs.retain(|seq| !matching.iter().any(|row| row.seq == *seq));
                    problem = Some(anyhow::Error::from(error).context(format!("the mailbox of {}", consumer.service)));
                }
            }
        }
        Published { seqs, problem }
    }
}

impl Consumer {
    fn handles(&self, envelope: &Envelope) -> bool {
        event::split(&envelope.subject).is_some_and(|kind| self.kinds.contains(&kind))
    }
}
