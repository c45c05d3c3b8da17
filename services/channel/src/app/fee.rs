//! The monthly fee of tier 2.

use fenz_core::{Result, UserId};

use super::{App, channel_not_found};
use crate::{domain::Money, store::channels};

impl App {
    /// # Errors
    /// `CHANNEL_NOT_FOUND` if the owner has no channel.
    pub async fn fee(&self, owner: UserId) -> Result<Money> {
        Ok(self.own_channel(owner).await?.fee)
    }

    /// Sets the fee of an owner's channel.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`.
    pub async fn set_fee(&self, owner: UserId, fee: Money) -> Result<Money> {
        let id = self.own_channel(owner).await?.id;
        let set = self.outbox.transact(|txn| async move {
            let mut channel = channels::lock_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            if channel.fee != fee {
                channel.fee = fee;
                channel.version += 1;
                self.save_in_txn(&txn, &channel).await?;
            }
            Ok(())
        });
        set.await?;
        Ok(fee)
    }
}
