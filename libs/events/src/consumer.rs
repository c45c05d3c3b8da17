//! The durable consumer of a service: which events it handles, and how.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::bail;
use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_database::Txn;
use futures::future::BoxFuture;

use crate::{
    Database, Event, HandlerError, bus::Bus, envelope::Envelope, mailbox_consumer::MailboxConsumer, mailboxes,
    maintenance, stream_consumer::StreamConsumer, worker::Worker,
};

/// An event as its handler gets it.
#[derive(Clone, Debug)]
pub struct ReceivedEvent<E> {
    /// The same however often it is delivered.
    pub id: String,
    pub event: E,
    /// When it was emitted; the time of handling where the publisher gave none.
    pub occurred_at: DateTime<Utc>,
    pub subject: String,
}

pub(crate) type Handler =
    Arc<dyn Fn(Txn, Envelope, DateTime<Utc>) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync>;

/// The events that a service handles. Each takes effect once, whatever the
/// number of replicas and deliveries, in any order: decide by the event's
/// version.
///
/// What happens after a failure depends on its cause:
///
/// - [`HandlerError::Invalid`]: the event is tried five times, then it is a dead
///   letter. Other events pass it meanwhile.
/// - [`HandlerError::Unavailable`]: the consumer pauses, 0.2 s to 5 s, and the
///   event is tried until it succeeds.
/// - [`HandlerError::Internal`], or a panic: as unavailable while one of the
///   service's required dependencies fails its readiness check, else as invalid.
///   When three different events fail like this with no success in between, the
///   consumer is halted (`fenz_events_consumer_halted`): it tries some events
///   after 1 s to 60 s, gives none up, and resumes when one succeeds.
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
    /// transaction is committed if it returns `Ok`; it may change nothing else,
    /// for it can run again.
    ///
    /// # Panics
    /// When the kind has a handler.
    #[must_use]
    pub fn on<E: Event, F>(mut self, handler: impl Fn(Txn, ReceivedEvent<E>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let erased: Handler = Arc::new(move |txn, envelope, now| {
            let event = match E::decode(envelope.payload.as_slice()) {
                Ok(event) => event,
                Err(error) => {
                    let error = HandlerError::invalid(format_args!("cannot be decoded: {error}"));
                    return Box::pin(std::future::ready(Err(error)));
                }
            };
            let occurred_at = envelope.time().unwrap_or(now);
            Box::pin(handler(txn, ReceivedEvent { id: envelope.id, event, occurred_at, subject: envelope.subject }))
        });
        let before = self.handlers.insert((E::TYPE.family, E::TYPE.name), erased);
        assert!(before.is_none(), "{} has two handlers", E::TYPE.filter());
        self.filters.push(E::TYPE.filter());
        self
    }

    /// Starts consuming, as the service of the platform. The broker may be
    /// unavailable.
    ///
    /// # Errors
    /// When there is no handler, or the bus's address is no address.
    pub async fn start<M>(self, platform: &Platform, db: &Database<M>) -> anyhow::Result<()> {
        if self.handlers.is_empty() {
            bail!("a consumer of {} has no handler", platform.service);
        }
        let kinds = self.handlers.keys().copied().collect();
        let worker = Arc::new(Worker::new(platform, db.connection(), self.handlers));
        let mailbox = MailboxConsumer::new(worker.clone());
        let bus = Bus::of(platform).await?;
        maintenance::of_consumer(platform, db.connection(), &bus);
        match bus {
            Bus::JetStream(stream) => {
                let consumer = StreamConsumer { worker, stream, filters: self.filters, mailbox: mailbox.arrived() };
                platform.spawn("events.consumer", consumer.run(platform.stop.clone()));
            }
            Bus::Mailboxes(registry) => {
                let arrived = mailbox.arrived();
                registry.add(mailboxes::Consumer {
                    service: platform.service,
                    kinds,
                    db: db.connection(),
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
        platform.spawn("events.mailbox", mailbox.run(platform.stop.clone()));
        Ok(())
    }
}
