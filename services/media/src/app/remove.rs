//! Deletes the files of removed uploads. The row is marked first; a job deletes what
//! stands behind it, and retries what fails.

use fenz_core::{Error, Result};
use fenz_database::{Txn, transact};
use fenz_jobs::{Job, Options};
use fenz_object_store::{self};
use serde::{Deserialize, Serialize};

use super::{Media, object_writer::ObjectWriter};
use crate::{
    domain::upload::{UploadId, object_key},
    store::{
        removal::{self, RemovedUpload},
        uploads::PendingUpload,
        usage,
    },
};

/// Uploads per query.
const BATCH_SIZE: u64 = 100;

/// Deletes the files of all removed uploads.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteFiles {}

impl Job for DeleteFiles {
    const KIND: &'static str = "upload.delete_files";
    const CONCURRENCY: usize = 1;
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);
}

impl Media {
    /// To be called in the transaction that removes uploads.
    pub(super) async fn delete_files_after(&self, txn: &Txn) -> Result<()> {
        self.jobs.enqueue_in_txn(txn, &DeleteFiles {}, Options::key(&"all")).await
    }

    /// Deletes the files of all removed uploads; what fails is tried again by the next
    /// attempt.
    pub async fn delete_removed(&self) -> Result<()> {
        let (mut after, mut left) = (None, 0);
        loop {
            let removed = removal::list_removed(&self.db, after, BATCH_SIZE).await?;
            let Some(last) = removed.last() else { break };
            after = Some(last.id);
            left += self.delete_uploads(removed).await;
        }
        if left == 0 {
            return Ok(());
        }
        Err(Error::unavailable("the object store", anyhow::anyhow!("the files of {left} uploads are not deleted")))
    }

    /// Removes a failed upload; the received bytes count as sent. The database may
    /// not have the id of the multipart upload.
    pub(super) async fn abort(&self, upload: &PendingUpload, writer: &ObjectWriter) {
        let (id, owner, now) = (upload.id, upload.owner, self.clock.now());
        let (multipart_id, has_sent) = (writer.multipart_id(), writer.has_sent());
        let marked = transact(&self.db, async |txn: Txn| {
            if writer.size() > 0 && !self.erasures.is_erased(&*txn, owner).await? {
                usage::add(&*txn, owner, now, writer.size()).await?;
            }
            let mut removed = removal::abort_in_txn(&*txn, id, now).await?;
            for upload in removed.iter_mut().filter(|upload| upload.id == id) {
                upload.multipart_id = multipart_id.map(str::to_owned).or(upload.multipart_id.take());
            }
            if has_sent && !removed.iter().any(|upload| upload.id == id) {
                // We were suspended so long that the row was deleted before we sent.
                let multipart_id = multipart_id.map(str::to_owned);
                let orphan = RemovedUpload { id, object_key: object_key(id), multipart_id };
                removal::insert_orphan_in_txn(&*txn, &orphan, now).await?;
                removed.push(orphan);
            }
            Ok(removed)
        });
        match marked.await {
            // What fails here, the next sweep has deleted.
            Ok(removed) => drop(self.delete_uploads(removed).await),
            // It has no heartbeat any more: the sweep will remove it.
            Err(error) => tracing::warn!(%error, upload.id = %upload.id, "failed upload not removed yet"),
        }
    }

    /// Deletes the files and then the rows. How many are left.
    pub(super) async fn delete_uploads(&self, removed: Vec<RemovedUpload>) -> usize {
        let mut left = 0;
        for upload in removed {
            self.uploads.invalidate(&upload.id).await;
            if let Err(error) = self.delete_files(&upload).await {
                tracing::warn!(%error, upload.id = %upload.id, "files not deleted yet");
                left += 1;
            } else if let Err(error) = self.delete_row(upload.id).await {
                tracing::warn!(%error, upload.id = %upload.id, "row of removed upload not deleted yet");
                left += 1;
            }
        }
        left
    }

    pub(super) async fn delete_files(&self, upload: &RemovedUpload) -> Result<(), fenz_object_store::Error> {
        if let Some(multipart_id) = &upload.multipart_id {
            self.store.abort_multipart(&upload.object_key, multipart_id).await?;
        }
        self.store.delete(&upload.object_key).await
    }

    pub(super) async fn delete_row(&self, id: UploadId) -> Result<()> {
        transact(&self.db, async |txn: Txn| Ok(removal::delete_row(&*txn, id).await?)).await
    }
}
