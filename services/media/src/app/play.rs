//! Finds a file to play. Who holds a signed address may, as long as the file is
//! not out of sight; nobody is asked.

use std::sync::Arc;

use bytes::Bytes;
use fenz_chassis::{Error, Reason, Result, media_url::Audience, store};
use futures::{Stream, StreamExt};

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

    /// Its bytes from `first` to `last`, both included, as they come, for as long
    /// as it may be played.
    pub async fn bytes(
        &self,
        file: &Upload,
        audience: Audience,
        first: u64,
        last: u64,
    ) -> Result<impl Stream<Item = Result<Bytes, Stopped>> + Send + use<>> {
        let bytes = match self.store.get_range(&file.object_key, first, last).await {
            // Another replica removed it while we had it in memory.
            Err(store::Error::NotFound) => {
                self.playing.invalidate(&file.id).await;
                return Err(removed());
            }
            other => other.map_err(store_failed)?,
        };
        let (media, id) = (self.clone(), file.id);
        // The first chunk was just let in: without it the answer would break off
        // before it has begun.
        let mut is_first = true;
        Ok(bytes.then(move |chunk| {
            let (media, let_in) = (media.clone(), std::mem::take(&mut is_first));
            async move {
                let chunk = chunk?;
                if let_in || media.may_go_on(id, audience).await { Ok(chunk) } else { Err(Stopped::OutOfSight) }
            }
        }))
    }
}

/// Why a player does not get the rest.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("it may not be played any more")]
    OutOfSight,
}

pub(super) fn removed() -> Error {
    Error::new(Reason::UploadNotFound, "the file is removed")
}
