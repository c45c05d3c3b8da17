//! Publishing: events are stored in the transaction of the change.

use std::sync::Arc;

use fenz_chassis::Platform;
use fenz_core::{Clock, Error, Random, Result};
use fenz_database::Txn;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{Database, Event, bus::Bus, envelope::Envelope, maintenance, relay, replica::Replica, store::outbox};

/// The largest event, encoded. Files do not belong into events.
pub const MAX_BYTES: usize = 256 * 1024;

/// Stores a service's events until they are published. Cheap to clone; start
/// one per service.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
    publisher: &'static str,
}

pub(crate) struct Inner {
    pub service: &'static str,
    pub db: DatabaseConnection,
    pub clock: Clock,
    pub random: Random,
    pub replica: Replica,
    /// A transaction that wrote events was committed.
    pub committed: Arc<Notify>,
    /// Events could not be published.
    pub left_over: Notify,
}

impl Outbox {
    /// Starts publishing what the service emits. Needs its database, with the
    /// tables of this library; the broker may be unavailable.
    ///
    /// # Errors
    /// When the bus's address is no address.
    pub async fn start<M>(platform: &Platform, db: &Database<M>) -> anyhow::Result<Self> {
        let bus = Bus::of(platform).await?;
        let inner = Arc::new(Inner {
            service: platform.service,
            db: db.connection(),
            clock: platform.clock.clone(),
            random: platform.random.clone(),
            replica: Replica::default(),
            committed: Arc::default(),
            left_over: Notify::new(),
        });
        relay::start(platform, &inner, &bus);
        maintenance::of_outbox(platform, db.connection());
        Ok(Self { inner, publisher: platform.service })
    }

    /// The same outbox, for a stand-in that publishes events of another service.
    #[must_use]
    pub fn publishing_as(&self, publisher: &'static str) -> Self {
        Self { publisher, ..self.clone() }
    }

    /// Publishes an event when the transaction commits.
    ///
    /// # Errors
    /// When the contract does not name this service as a publisher of the event,
    /// when it cannot be stored or is larger than [`MAX_BYTES`].
    pub async fn emit<E: Event>(&self, txn: &Txn, event: &E) -> Result<()> {
        self.emit_all(txn, std::slice::from_ref(event)).await
    }

    /// The same for many, in few statements.
    ///
    /// # Errors
    /// As [`Self::emit`].
    pub async fn emit_all<E: Event>(&self, txn: &Txn, events: &[E]) -> Result<()> {
        if !E::TYPE.may_be_published_by(self.publisher) {
            let (subject, publisher) = (E::TYPE.filter(), self.publisher);
            return Err(Error::internal(anyhow::anyhow!("the contract does not let {publisher} publish {subject}")));
        }
        let now = self.inner.clock.now();
        let envelopes: Vec<_> =
            events.iter().map(|event| Envelope::new(event, self.publisher, now, &self.inner.random)).collect();
        if let Some(large) = envelopes.iter().find(|envelope| envelope.payload.len() > MAX_BYTES) {
            let (subject, size) = (&large.subject, large.payload.len());
            return Err(Error::internal(anyhow::anyhow!("the event {subject} has {size} bytes: too many")));
        }
        outbox::insert_in_txn(txn.as_ref(), envelopes, self.inner.replica.id(), now).await?;
        let committed = self.inner.committed.clone();
        txn.after_commit(move || committed.notify_one());
        Ok(())
    }

    pub(crate) fn connection(&self) -> DatabaseConnection {
        self.inner.db.clone()
    }

    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.inner.clock.now()
    }

    /// [`fenz_database::transact`] on the outbox's database.
    ///
    /// # Errors
    /// What the work returns; nothing is stored or published then.
    pub async fn transact<T, F, W>(&self, work: W) -> Result<T>
    where
        W: Fn(Txn) -> F,
        F: Future<Output = Result<T>>,
    {
        fenz_database::transact(&self.inner.db, work).await
    }
}
