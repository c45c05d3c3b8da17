//! Forgetting a user, in every service: from auth's event to the report that
//! nothing is left.
//!
//! The order is stored when it is heard and carried out by a job, portion by
//! portion, until the [`Eraser`] says that nothing is left; then the service
//! reports. What is away (the object store, Redis) delays it and loses nothing.
//! Events about the user that come late find [`Erasures::is_erased`].

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Clock, Platform, Result, UserId, database::Txn};
use fenz_contract::events::v1::{UserDeleted, UserErased};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::Notify;

use crate::{
    Lease, Outbox, Refusal,
    store::{
        dead_letters,
        erasures::{self, Order},
    },
    upkeep,
};

/// How often orders are looked for that another replica heard, or that wait.
const LOOK: Duration = Duration::from_secs(5);
/// The longest pause after a failure.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// As long as the bus may keep an event about the user, and a dead letter what
/// became of it.
const REMEMBERED: Duration = upkeep::REMEMBERED.saturating_mul(2);
const PRUNE: Duration = Duration::from_secs(3600);

/// What came of one portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Rows and objects that were removed.
    pub removed: u64,
    /// Nothing of the user is left.
    pub done: bool,
}

/// How a service forgets a user.
#[async_trait::async_trait]
pub trait Eraser: Send + Sync + 'static {
    /// Removes a portion, in transactions of its own, a second's work or so.
    /// May be repeated, also after it said that it is done.
    ///
    /// # Errors
    /// When something is away; it is tried again.
    async fn erase(&self, user: UserId) -> Result<Portion>;
}

/// The orders of a service. Clones are the same.
#[derive(Clone)]
pub struct Erasures(Arc<Inner>);

struct Inner {
    service: &'static str,
    db: DatabaseConnection,
    clock: Clock,
    outbox: Outbox,
    ordered: Notify,
}

impl Erasures {
    /// Needs the service's database, with the tables of [`crate::migrations`].
    ///
    /// # Errors
    /// When there is none.
    pub fn new(platform: &Platform, outbox: &Outbox) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Inner {
            service: platform.service,
            db: platform.db()?,
            clock: platform.clock.clone(),
            outbox: outbox.clone(),
            ordered: Notify::new(),
        })))
    }

    /// For the service's handler of [`UserDeleted`]: notes the order. What must
    /// be out of sight at once the handler itself does, in the same transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn order_in_txn(&self, txn: &Txn, told: &UserDeleted) -> Result<(), Refusal> {
        if told.user_id <= 0 {
            return Err(Refusal::message("an event of no user"));
        }
        let now = self.0.clock.now();
        erasures::note_erased_in_txn(txn.as_ref(), told.user_id, now).await?;
        dead_letters::delete_of_user_in_txn(txn.as_ref(), told.user_id).await?;
        erasures::order_in_txn(txn.as_ref(), told.erasure_id, told.user_id, now).await?;
        // The commit is moments away; the job looks again if it is early.
        self.0.ordered.notify_one();
        Ok(())
    }

    /// Whether the user was deleted: late events about them change nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_erased(&self, db: &impl ConnectionTrait, user: UserId) -> Result<bool> {
        Ok(erasures::is_erased(db, user.0).await?)
    }

    /// Starts carrying orders out.
    ///
    /// # Errors
    /// When the service has no database.
    pub fn start(&self, platform: &Platform, eraser: impl Eraser) -> anyhow::Result<()> {
        let (inner, stop) = (self.0.clone(), platform.stop.clone());
        let lease = Lease::new(platform, "erasures")?;
        platform.spawn("erasures", async move {
            loop {
                match stop.run_until_cancelled(inner.carry_out(&lease, &eraser)).await {
                    None => return Ok(()),
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::warn!(%error, "erasures could not be read; trying again"),
                }
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    // Heard in a transaction that commits in moments.
                    () = inner.ordered.notified() => tokio::time::sleep(Duration::from_millis(50)).await,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        let (db, clock) = (self.0.db.clone(), self.0.clock.clone());
        platform.every("erasures.prune", PRUNE, move || {
            let (db, clock) = (db.clone(), clock.clone());
            async move { Ok(erasures::forget_erased(&db, clock.ago(REMEMBERED)).await?) }
        });
        Ok(())
    }
}

impl Inner {
    async fn carry_out(&self, lease: &Lease, eraser: &impl Eraser) -> Result<()> {
        loop {
            let Some(order) = erasures::due(&self.db, self.clock.now()).await? else { return Ok(()) };
            if !lease.hold().await? {
                return Ok(());
            }
            match eraser.erase(UserId(order.user_id)).await {
                Ok(Portion { removed, done: false }) => {
                    erasures::add_removed(&self.db, order.erasure_id, removed as i64).await?;
                }
                Ok(Portion { removed, done: true }) => self.report(&order, removed as i64).await?,
                Err(error) => {
                    let pause = Duration::from_millis(250 << order.attempts.clamp(0, 7)).min(MAX_PAUSE);
                    tracing::warn!(
                        service = self.service,
                        user.id = order.user_id,
                        error = format!("{error:?}"),
                        "an erasure could not go on; trying again"
                    );
                    erasures::put_off(&self.db, order.erasure_id, self.clock.after(pause)).await?;
                }
            }
        }
    }

    async fn report(&self, order: &Order, removed: i64) -> Result<()> {
        let reported = self.outbox.transact(|txn| async move {
            // A portion that outlived the lease: another replica has reported.
            if !erasures::finish_in_txn(txn.as_ref(), order.erasure_id).await? {
                return Ok(false);
            }
            let told = UserErased {
                user_id: order.user_id,
                erasure_id: order.erasure_id,
                service: self.service.to_owned(),
                removed: order.removed + removed,
                occurred_at: Some(self.clock.now().into()),
            };
            self.outbox.emit(&txn, &told).await?;
            Ok(true)
        });
        if reported.await? {
            tracing::info!(service = self.service, user.id = order.user_id, "erased");
        }
        Ok(())
    }
}
