//! Deleted channels and deleted users: removing their rows in batches.

use std::time::Duration;

use fenz_core::{ChannelId, Error, Reason, Result, UserId};
use fenz_database::transact;
use fenz_events::{Batch, Lease, UserDataEraser};
use sea_orm::ConnectionTrait;

use super::App;
use crate::store::{
    erasure, latest_events, readers, sequence, sources,
    tombstones::{self, Tombstone},
};

/// Rows per transaction.
const BATCH: u64 = 500;
/// How long the row that ends a deleted user's streams is kept; every replica has read
/// it by then.
const CLOSED_RETENTION: Duration = Duration::from_secs(60);

/// This service's part of a user's erasure.
pub struct UserErasure(pub App);

#[async_trait::async_trait]
impl UserDataEraser for UserErasure {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let app = &self.0;
        let mut removed = app.delete_channels_of(user).await?;
        for tombstone in tombstones::unswept_of_owner(&app.db, user).await? {
            removed += app.sweep(tombstone).await?;
        }
        let own = transact(&app.db, |txn| async move {
            // The lock serialises with projections, which could insert rows in between.
            let seq = sequence::next_in_txn(&*txn).await?;
            let marks = readers::delete_read_marks(&*txn, user).await?;
            let about = erasure::delete_about_in_txn(&*txn, user.0, seq).await?;
            Ok(marks + about + erasure::delete_of_user_in_txn(&*txn, user, BATCH).await?)
        });
        removed += own.await?;
        Ok(Batch { removed, done: removed == 0 })
    }
}

impl App {
    /// # Errors
    /// `UNAUTHENTICATED` when the user was deleted; their token may not have expired.
    pub(super) async fn ensure_not_erased(&self, db: &impl ConnectionTrait, user: UserId) -> Result<()> {
        if self.erasures.is_erased(db, user).await? {
            return Err(Error::new(Reason::Unauthenticated, "the account no longer exists"));
        }
        Ok(())
    }

    /// As the channel service's own `ChannelDeleted` does when it arrives.
    async fn delete_channels_of(&self, user: UserId) -> Result<u64> {
        transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            let mut channels = sources::channels_of(&*txn, user).await?;
            // A user's first channel has the user's id; no event of it may have arrived yet.
            if !channels.iter().any(|(id, _)| id.0 == user.0)
                && tombstones::find(&*txn, ChannelId(user.0)).await?.is_none()
            {
                channels.push((ChannelId(user.0), 0));
            }
            let mut removed = 0;
            for (channel, version) in channels {
                let tombstone = Tombstone { channel, owner: user, version, seq, deleted_at: self.clock.now() };
                removed += tombstones::delete_channel_in_txn(&*txn, tombstone).await?;
                latest_events::recompute_channel_in_txn(&*txn, channel, seq).await?;
            }
            Ok(removed)
        })
        .await
    }

    /// Removes the memberships and mutes of deleted channels.
    pub async fn sweep_channels(&self, lease: &Lease) -> Result<()> {
        while lease.hold().await? {
            let tombstones = tombstones::unswept(&self.db, 10).await?;
            if tombstones.is_empty() {
                break;
            }
            for tombstone in tombstones {
                self.sweep(tombstone).await?;
            }
        }
        Ok(())
    }

    /// Removes a batch of a deleted channel's memberships; how many.
    pub(super) async fn sweep(&self, tombstone: Tombstone) -> Result<u64> {
        let removed = transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            let users = tombstones::delete_memberships_in_txn(&*txn, tombstone, BATCH).await?;
            if users.is_empty() {
                tombstones::mark_swept_in_txn(&*txn, tombstone).await?;
            } else {
                readers::mark_all_changed_in_txn(&*txn, &users, seq).await?;
            }
            Ok(users.len() as u64)
        });
        let removed = removed.await?;
        self.streams.wake();
        Ok(removed)
    }

    /// Deletes tombstones, of channels and of users, past their retention.
    pub async fn prune_tombstones(&self) -> Result<()> {
        readers::prune_erased(&self.db, self.clock.ago(CLOSED_RETENTION)).await?;
        Ok(tombstones::prune(&self.db, self.clock.ago(fenz_events::RETENTION)).await?)
    }
}
