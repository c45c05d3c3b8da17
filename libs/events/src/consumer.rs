//! Hearing: which events a service takes, and what it does with each.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::bail;
use chrono::{DateTime, Utc};
use fenz_chassis::{Platform, database::Txn};
use futures::future::BoxFuture;

use crate::{
    Event, Refusal,
    bus::Bus,
    envelope::Envelope,
    intake::{self, Letters},
    mailboxes,
    worker::Worker,
};

/// An event as its handler gets it.
#[derive(Clone, Debug)]
pub struct Received<E> {
    /// The same however often it is delivered.
    pub id: String,
    pub event: E,
    /// When it was told; the time of the effect where the teller gave none.
    pub occurred_at: DateTime<Utc>,
    pub subject: String,
}

pub(crate) type Handler =
    Arc<dyn Fn(Txn, Envelope, DateTime<Utc>) -> BoxFuture<'static, Result<(), Refusal>> + Send + Sync>;

/// What a service hears. Each event takes effect once, whatever the number of
/// replicas and deliveries, in any order: decide by the event's version.
#[derive(Default)]
pub struct Consumer {
    handlers: BTreeMap<(&'static str, &'static str), Handler>,
    filters: Vec<String>,
}

impl Consumer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles a kind of event. What the handler changes through the
    /// transaction is kept if it says `Ok`, and the event is then done; nothing
    /// else may change in it, for it can run again.
    ///
    /// # Panics
    /// When the kind has a handler.
    #[must_use]
    pub fn on<E: Event, F>(mut self, handler: impl Fn(Txn, Received<E>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let erased: Handler = Arc::new(move |txn, envelope, now| {
            let event = match E::decode(envelope.payload.as_slice()) {
                Ok(event) => event,
                Err(error) => {
                    let refusal = Refusal::message(format_args!("cannot be decoded: {error}"));
                    return Box::pin(std::future::ready(Err(refusal)));
                }
            };
            let occurred_at = envelope.time().unwrap_or(now);
            Box::pin(handler(txn, Received { id: envelope.id, event, occurred_at, subject: envelope.subject }))
        });
        let before = self.handlers.insert((E::FAMILY, E::WHAT), erased);
        assert!(before.is_none(), "{}.{} has two handlers", E::FAMILY, E::WHAT);
        self.filters.push(E::filter());
        self
    }

    /// Starts hearing, as the service of the platform. Needs its database,
    /// with the tables of [`crate::migrations`]; the broker may be away.
    ///
    /// # Errors
    /// When there is no handler, or the bus's address is no address.
    pub async fn start(self, platform: &Platform) -> anyhow::Result<()> {
        if self.handlers.is_empty() {
            bail!("a consumer of {} has no handler", platform.service);
        }
        let kinds = self.handlers.keys().copied().collect();
        let worker = Arc::new(Worker::new(platform, self.handlers)?);
        let letters = Letters::new(worker.clone());
        match Bus::of(platform).await? {
            Bus::JetStream(stream) => {
                let task =
                    intake::from_stream(worker.clone(), stream, self.filters, letters.arrived(), platform.stop.clone());
                platform.spawn("events.consumer", task);
            }
            Bus::Mailboxes(registry) => {
                let arrived = letters.arrived();
                registry.add(mailboxes::Consumer {
                    service: platform.service,
                    kinds,
                    db: platform.db()?,
                    clock: platform.clock.clone(),
                    arrived: arrived.clone(),
                });
                let stop = platform.stop.clone();
                platform.spawn("events.registry", async move {
                    stop.cancelled().await;
                    registry.remove(&arrived);
                    Ok(())
                });
            }
        }
        platform.spawn("events.mailbox", letters.run(platform.stop.clone()));
        crate::upkeep::of_consumer(platform)?;
        Ok(())
    }
}
