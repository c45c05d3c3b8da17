//! Erasure of a user's data, in every service: from auth's event to the report
//! that nothing is left.
//!
//! The handler of the event stores a request. A background task runs it, batch
//! by batch, until the [`UserDataEraser`] has nothing left to remove; then the
//! service reports. An outage (of the object store, of Redis) delays it. Handlers
//! of late events about the user check [`ErasureRunner::is_erased`].

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fenz_chassis::Platform;
use fenz_contract::events::v1::{UserDeleted, UserErased};
use fenz_core::{Clock, Result, UserId, backoff};
use fenz_database::{Txn, poll_interval};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::Notify;

use crate::{
    HandlerError, Lease, Outbox, maintenance,
    store::{
        dead_letters,
        erasures::{self, ErasureRequest},
    },
};

/// How often requests are polled that another replica stored, or that wait.
const POLL: Duration = Duration::from_secs(5);
/// After failures, up to the longest.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(30);
/// As long as the bus may keep an event about the user, and then a dead letter
/// the event.
const RETENTION: Duration = maintenance::RETENTION.saturating_mul(2);
const PRUNE: Duration = Duration::from_secs(3600);

/// The result of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Rows and objects that were removed.
    pub removed: u64,
    /// Nothing of the user is left.
    pub done: bool,
}

/// How a service erases the data of a user.
#[async_trait::async_trait]
pub trait UserDataEraser: Send + Sync + 'static {
    /// Removes a batch, in transactions of its own, in about a second. It may
    /// be called again, also after it was done.
    ///
    /// # Errors
    /// When something is unavailable; it is tried again.
    async fn erase(&self, user: UserId) -> Result<Batch>;
}

/// The erasure requests of a service. Clones share their state.
#[derive(Clone)]
pub struct ErasureRunner(Arc<Inner>);

struct Inner {
    service: &'static str,
    db: DatabaseConnection,
    clock: Clock,
    outbox: Outbox,
    requested: Notify,
}

impl ErasureRunner {
    pub fn new(platform: &Platform, outbox: &Outbox) -> Self {
        Self(Arc::new(Inner {
            service: platform.service,
            db: outbox.connection(),
            clock: platform.clock.clone(),
            outbox: outbox.clone(),
            requested: Notify::new(),
        }))
    }

    /// For the service's handler of [`UserDeleted`]: stores the request. What
    /// must be hidden at once the handler itself hides, in the same transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn request_in_txn(&self, txn: &Txn, event: &UserDeleted) -> Result<(), HandlerError> {
        if event.user_id <= 0 {
            return Err(HandlerError::invalid("an event of no user"));
        }
        let now = self.0.clock.now();
        erasures::insert_erased_in_txn(txn.as_ref(), event.user_id, now).await?;
        dead_letters::delete_of_user_in_txn(txn.as_ref(), event.user_id).await?;
        erasures::insert_in_txn(txn.as_ref(), event.erasure_id, event.user_id, now).await?;
        let inner = self.0.clone();
        txn.after_commit(move || inner.requested.notify_one());
        Ok(())
    }

    /// Whether the user was deleted: late events about them change nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_erased(&self, db: &impl ConnectionTrait, user: UserId) -> Result<bool> {
        Ok(erasures::is_erased(db, user.0).await?)
    }

    /// Starts running requests.
    pub fn start(&self, platform: &Platform, eraser: impl UserDataEraser) {
        platform.shared.get::<ErasureParticipants>().add(platform.service);
        let (inner, stop) = (self.0.clone(), platform.stop.clone());
        let lease = Lease::new(platform, self.0.db.clone(), "erasures");
        platform.spawn("erasures", async move {
            loop {
                let wait = match stop.run_until_cancelled(inner.run_due(&lease, &eraser)).await {
                    None => return Ok(()),
                    Some(Ok(false)) => poll_interval(&inner.db, POLL),
                    Some(Ok(true)) => POLL,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "erasures are interrupted; trying again");
                        POLL
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = inner.requested.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        });
        let (db, clock) = (self.0.db.clone(), self.0.clock.clone());
        platform.every("erasures.prune", PRUNE, move || {
            let (db, clock) = (db.clone(), clock.clone());
            async move { Ok(erasures::prune_erased(&db, clock.ago(RETENTION)).await?) }
        });
    }
}

/// The services of this process that erase users' data.
#[derive(Clone, Default)]
pub(crate) struct ErasureParticipants(Arc<Mutex<BTreeSet<&'static str>>>);

impl ErasureParticipants {
    fn add(&self, service: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(service);
    }

    pub fn contains(&self, service: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(service)
    }
}

impl Inner {
    /// Whether one is left: it waits for its next attempt, or another replica runs it.
    async fn run_due(&self, lease: &Lease, eraser: &impl UserDataEraser) -> Result<bool> {
        loop {
            let Some(request) = erasures::due(&self.db, self.clock.now()).await? else {
                return Ok(erasures::exists(&self.db).await?);
            };
            if !lease.hold().await? {
                return Ok(true);
            }
            match eraser.erase(UserId(request.user_id)).await {
                Ok(Batch { removed, done: false }) => {
                    erasures::add_removed(&self.db, request.erasure_id, removed as i64).await?;
                }
                Ok(Batch { removed, done: true }) => self.report(&request, removed as i64).await?,
                Err(error) => {
                    let delay =
                        backoff::delay(request.attempts.cast_unsigned().saturating_add(1), FIRST_DELAY, MAX_DELAY);
                    tracing::warn!(
                        service = self.service,
                        user.id = %request.user_id,
                        error = format!("{error:?}"),
                        "an erasure failed; trying again"
                    );
                    erasures::reschedule(&self.db, request.erasure_id, self.clock.after(delay)).await?;
                }
            }
        }
    }

    async fn report(&self, request: &ErasureRequest, removed: i64) -> Result<()> {
        let reported = self.outbox.transact(|txn| async move {
            // The batch took longer than the lease: another replica has reported.
            if !erasures::finish_in_txn(txn.as_ref(), request.erasure_id).await? {
                return Ok(false);
            }
            let event = UserErased {
                user_id: request.user_id,
                erasure_id: request.erasure_id,
                service: self.service.to_owned(),
                removed: request.removed + removed,
                occurred_at: Some(self.clock.now().into()),
            };
            self.outbox.emit(&txn, &event).await?;
            Ok(true)
        });
        if reported.await? {
            tracing::info!(service = self.service, user.id = %request.user_id, "a user's data is erased");
        }
        Ok(())
    }
}
