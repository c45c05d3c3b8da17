//! Finds a file to play. Who holds a signed address may; nobody is asked.

use std::sync::Arc;

use fenz_chassis::{
    Error, Reason, Result,
    store::{self, ByteStream},
};

use super::{Media, store_failed};
use crate::{
    domain::upload::{Upload, UploadId},
    store::uploads,
};

impl Media {
    /// The file, from memory when it was played lately.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` when it is removed.
    pub async fn file(&self, id: UploadId) -> Result<Arc<Upload>> {
        // Players ask for many ranges of one file; the first of them asks the database.
        if let Some(file) = self.playing.get(&id).await {
            return Ok(file);
        }
        let file = uploads::find(&self.db, id).await?;
        let file = Arc::new(file.ok_or_else(removed)?);
        self.playing.insert(id, file.clone()).await;
        Ok(file)
    }

    /// Its bytes from `first` to `last`, both included, as they come.
    pub async fn bytes(&self, file: &Upload, first: u64, last: u64) -> Result<ByteStream> {
        match self.store.get_range(&file.object_key, first, last).await {
            // Another replica removed it while we had it in memory.
            Err(store::Error::NotFound) => {
                self.playing.invalidate(&file.id).await;
                Err(removed())
            }
            other => other.map_err(store_failed),
        }
    }
}

fn removed() -> Error {
    Error::new(Reason::UploadNotFound, "the file is removed")
}
