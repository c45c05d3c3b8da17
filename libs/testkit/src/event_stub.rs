//! Stands in for the other services on the event bus.

use std::{
    any::{Any, TypeId},
    collections::HashSet,
    future::ready,
    mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use fenz_chassis::{Endpoints, Platform, Service};
use fenz_database::NoMigrations;
use fenz_events::{Consumer, Event, MailboxRegistry, Outbox, ReceivedEvent};
use serde_json::{Map, Value};

use crate::Sandbox;

/// Publishes events of other services and records those that a test examines.
/// Clones share them.
#[derive(Clone, Default)]
pub struct EventStub {
    outbox: Arc<OnceLock<Outbox>>,
    consumer: Arc<Mutex<Consumer>>,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Default)]
struct Recorded {
    types: HashSet<TypeId>,
    ids: HashSet<String>,
    events: Vec<Box<dyn Any + Send>>,
}

/// The stub that is about to be built.
type Starting = Arc<Mutex<Option<EventStub>>>;

impl EventStub {
    /// Records the events of a type.
    #[must_use]
    pub fn recording<E: Event + Send>(self) -> Self {
        let recorded = self.recorded.clone();
        lock(&recorded).types.insert(TypeId::of::<E>());
        let mut consumer = lock(&self.consumer);
        *consumer = mem::take(&mut *consumer).on(move |_, received: ReceivedEvent<E>| {
            let mut recorded = lock(&recorded);
            // A handler whose transaction failed runs again.
            if recorded.ids.insert(received.id) {
                recorded.events.push(Box::new(received.event));
            }
            ready(Ok(()))
        });
        drop(consumer);
        self
    }

    /// Starts it, after all services that publish and consume: from now on events
    /// are delivered.
    ///
    /// # Panics
    /// When it records nothing, or does not start.
    #[must_use]
    pub async fn start(self, sandbox: &mut Sandbox) -> Self {
        let starting: Starting = sandbox.process.shared.get();
        *lock(&starting) = Some(self.clone());
        sandbox.start::<StubService>().await.expect("the stub on the event bus");
        sandbox.process.shared.get::<MailboxRegistry>().open();
        self
    }

    /// The recorded events of a type, in order of arrival.
    ///
    /// # Panics
    /// When they are not recorded.
    pub fn all<E: Event + Clone>(&self) -> Vec<E> {
        let recorded = lock(&self.recorded);
        assert!(recorded.types.contains(&TypeId::of::<E>()), "{} is not recorded", E::TYPE.filter());
        recorded.events.iter().filter_map(|event| event.downcast_ref().cloned()).collect()
    }

    /// Publishes an event as the service that the contract names.
    pub async fn publish<E: Event>(&self, event: E) {
        self.publish_all(&[event]).await;
    }

    /// Publishes events in one transaction.
    ///
    /// # Panics
    /// When they cannot be stored.
    pub async fn publish_all<E: Event>(&self, events: &[E]) {
        let outbox = self.outbox.get().expect("the stub has started");
        let publisher = E::TYPE.publishers.first().filter(|publisher| **publisher != "*");
        let outbox = &outbox.publishing_as(publisher.unwrap_or(&StubService::NAME));
        outbox.transact(|txn| async move { outbox.emit_all(&txn, events).await }).await.expect("published");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct StubService;

impl Service for StubService {
    const NAME: &'static str = crate::sandbox::STUB;
    const PORT: u16 = 0;
    type Config = Map<String, Value>;
    type Requirements = (fenz_events::Database<NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        let stub = lock(&platform.shared.get::<Starting>()).take().expect("EventStub::start starts it");
        stub.outbox.set(Outbox::start(&platform, &db).await?).ok();
        let consumer = mem::take(&mut *lock(&stub.consumer));
        consumer.start(&platform, &db).await?;
        Ok(Endpoints::default())
    }
}
