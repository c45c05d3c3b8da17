//! Deleted channels and deleted users: removing what is left of them, some at a
//! time.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, UserId, database::transact};
use fenz_events::{Eraser, Lease, Portion};
use sea_orm::ConnectionTrait;

use super::App;
use crate::store::{
    gone::{self, Deleted},
    heads, readers, sequence, sources,
};

/// Rows that are removed in one transaction.
const PORTION: u64 = 500;
/// How long the order to end a deleted user's streams is kept; every replica has
/// seen it by then.
const ENDING: Duration = Duration::from_secs(60);
/// Longer than the bus keeps events.
const REMEMBERED: Duration = Duration::from_secs(8 * 24 * 3600);

/// Carries out this service's part of an erasure.
pub struct Forgetting(pub App);

#[async_trait::async_trait]
impl Eraser for Forgetting {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let app = &self.0;
        let mut removed = app.delete_channels_of(user).await?;
        for deleted in gone::unswept_of(&app.db, user.0).await? {
            removed += app.sweep(deleted).await?;
        }
        let own = transact(&app.db, |txn| async move {
            // One at a time with what is taken in, so that nothing is overlooked.
            let seq = sequence::next_in_txn(&*txn).await?;
            let reads = readers::forget_reads(&*txn, user.0).await?;
            let told = gone::remove_about_in_txn(&*txn, user.0, seq).await?;
            Ok(reads + told + gone::remove_of_user_in_txn(&*txn, user.0, PORTION).await?)
        });
        removed += own.await?;
        Ok(Portion { removed, done: removed == 0 })
    }
}

impl App {
    /// # Errors
    /// `UNAUTHENTICATED` when the user was deleted; their token may still live.
    pub(super) async fn still_there(&self, db: &impl ConnectionTrait, user: UserId) -> Result<()> {
        if self.erasures.is_erased(db, user).await? {
            return Err(Error::new(Reason::Unauthenticated, "the account no longer exists"));
        }
        Ok(())
    }

    /// Channel says the same, sooner or later.
    async fn delete_channels_of(&self, user: UserId) -> Result<u64> {
        transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            let mut channels = sources::channels_of(&*txn, user.0).await?;
            // A user's first channel has the user's id; we may never have heard of it.
            if !channels.iter().any(|(id, _)| *id == user.0) && gone::channel(&*txn, user.0).await?.is_none() {
                channels.push((user.0, 0));
            }
            let mut removed = 0;
            for (channel, version) in channels {
                let deleted = Deleted { channel, owner: user.0, version, seq, at: self.clock.now() };
                removed += gone::delete_channel_in_txn(&*txn, deleted).await?;
                heads::refresh_channel_in_txn(&*txn, channel, seq).await?;
            }
            Ok(removed)
        })
        .await
    }

    /// Removes what is left of deleted channels.
    pub async fn sweep_channels(&self, lease: &Lease) -> Result<()> {
        while lease.hold().await? {
            let deleted = gone::unswept(&self.db, 10).await?;
            if deleted.is_empty() {
                break;
            }
            for deleted in deleted {
                self.sweep(deleted).await?;
            }
        }
        Ok(())
    }

    /// Removes a portion of what is left of a deleted channel; how many
    /// memberships.
    pub(super) async fn sweep(&self, deleted: Deleted) -> Result<u64> {
        let swept = transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            let users = gone::sweep_in_txn(&*txn, deleted, PORTION).await?;
            if users.is_empty() {
                gone::swept_in_txn(&*txn, deleted).await?;
            } else {
                readers::all_changed_in_txn(&*txn, &users, seq).await?;
            }
            Ok(users.len() as u64)
        });
        let swept = swept.await?;
        self.hub.wake();
        Ok(swept)
    }

    /// Drops what is kept of the deleted for a while.
    pub async fn prune_gone(&self) -> Result<()> {
        readers::prune_forgotten(&self.db, self.clock.ago(ENDING)).await?;
        Ok(gone::prune(&self.db, self.clock.ago(REMEMBERED)).await?)
    }
}
