//! Reads a file for playback. A signed address suffices, as long as its video is
//! playable; no other service is called.

use std::sync::Arc;

use bytes::Bytes;
use fenz_chassis::media_url::Audience;
use fenz_core::{Error, Reason, Result};
use fenz_object_store::{self};
use futures::{Stream, StreamExt};

use super::{Media, store_failed};
use crate::{
    domain::upload::{Upload, UploadId},
    store::uploads,
};

impl Media {
    /// A stored upload, cached: players request many ranges of one file.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` when it is removed.
    pub async fn upload(&self, id: UploadId) -> Result<Arc<Upload>> {
        if let Some(upload) = self.uploads.get(&id).await {
            return Ok(upload);
        }
        let upload = uploads::find(&self.db, id).await?;
        let upload = Arc::new(upload.ok_or_else(upload_removed)?);
        self.uploads.insert(id, upload.clone()).await;
        Ok(upload)
    }

    /// Streams the bytes from `first` to `last`, both included, and ends with an
    /// error if playback is forbidden meanwhile.
    pub async fn bytes(
        &self,
        upload: &Upload,
        audience: Audience,
        first: u64,
        last: u64,
    ) -> Result<impl Stream<Item = Result<Bytes, StreamError>> + Send + use<>> {
        let bytes = match self.store.get_range(&upload.object_key, first, last).await {
            // Another replica removed it while it was in our cache.
            Err(fenz_object_store::Error::NotFound) => {
                self.uploads.invalidate(&upload.id).await;
                return Err(upload_removed());
            }
            other => other.map_err(store_failed)?,
        };
        let (media, id) = (self.clone(), upload.id);
        // The request was just checked: the first chunk needs no second check.
        let mut is_first = true;
        Ok(bytes.then(move |chunk| {
            let (media, is_checked) = (media.clone(), std::mem::take(&mut is_first));
            async move {
                let chunk = chunk?;
                let allowed = is_checked || media.may_continue(id, audience).await;
                if allowed { Ok(chunk) } else { Err(StreamError::Restricted) }
            }
        }))
    }
}

/// Why a response ends early.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    Store(#[from] fenz_object_store::Error),
    #[error("the video is not playable any more")]
    Restricted,
}

pub(super) fn upload_removed() -> Error {
    Error::new(Reason::UploadNotFound, "the file is removed")
}
