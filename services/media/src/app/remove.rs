//! Removes files whose upload is gone. The database says so first: what fails
//! here is tried again by the sweeper.

use fenz_chassis::{
    Result,
    database::{Txn, transact},
    store,
};

use super::{Media, parts::Parts};
use crate::{
    domain::upload::{UploadId, object_key},
    store::{
        daily,
        removal::{self, Leftover},
        uploads::Announced,
    },
};

impl Media {
    /// Removes what is left of an upload that did not come through; what came of
    /// it was sent all the same. The database may not know the id of its parts.
    pub(super) async fn give_up(&self, upload: &Announced, parts: &Parts) {
        let (id, owner, now) = (upload.id, upload.owner, self.clock.now());
        let (multipart, sent) = (parts.multipart_id(), parts.has_sent());
        let marked = transact(&self.db, async |txn: Txn| {
            if parts.size() > 0 && !self.erasures.is_erased(&*txn, owner).await? {
                daily::add(&*txn, owner, now, parts.size()).await?;
            }
            let mut leftovers = removal::give_up(&*txn, id, now).await?;
            for leftover in leftovers.iter_mut().filter(|leftover| leftover.id == id) {
                leftover.multipart_id = multipart.map(str::to_owned).or(leftover.multipart_id.take());
            }
            if sent && !leftovers.iter().any(|leftover| leftover.id == id) {
                // We stood still so long that others have removed it before we sent.
                let multipart_id = multipart.map(str::to_owned);
                let late = Leftover { id, object_key: object_key(id), multipart_id };
                removal::put_leftover_in_txn(&*txn, &late, now).await?;
                leftovers.push(late);
            }
            Ok(leftovers)
        });
        match marked.await {
            Ok(leftovers) => self.remove(leftovers).await,
            // Its heartbeat has stopped: the sweeper will find it.
            Err(error) => tracing::warn!(%error, upload.id = id.0, "broken upload not removed yet"),
        }
    }

    /// Removes files and rows of uploads that are gone.
    pub(super) async fn remove(&self, leftovers: Vec<Leftover>) {
        for leftover in leftovers {
            self.playing.invalidate(&leftover.id).await;
            if let Err(error) = self.remove_files(&leftover).await {
                tracing::warn!(%error, upload.id = leftover.id.0, "files not removed yet");
                continue;
            }
            if let Err(error) = self.forget(leftover.id).await {
                tracing::warn!(%error, upload.id = leftover.id.0, "removed upload not forgotten yet");
            }
        }
    }

    pub(super) async fn remove_files(&self, leftover: &Leftover) -> Result<(), store::Error> {
        if let Some(multipart) = &leftover.multipart_id {
            self.store.abort_multipart(&leftover.object_key, multipart).await?;
        }
        self.store.delete(&leftover.object_key).await
    }

    pub(super) async fn forget(&self, id: UploadId) -> Result<()> {
        transact(&self.db, async |txn: Txn| Ok(removal::forget(&*txn, id).await?)).await
    }
}
