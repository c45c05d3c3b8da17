//! Keeps an upload in progress alive. On every replica the sweeper treats an
//! upload without heartbeats as interrupted.

use std::time::Duration;

use bytes::Bytes;
use fenz_core::Result;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Chunks, Media, object_writer::upload_aborted};
use crate::{domain::upload::UploadId, store::uploads};

/// How often to check whether the upload was aborted elsewhere.
const STATE_POLL: Duration = Duration::from_secs(1);
const MAX_INTERVAL: Duration = Duration::from_secs(30);

impl Media {
    /// Sends heartbeats until dropped; cancels the token when the upload is
    /// aborted.
    pub(super) fn start_heartbeat(&self, id: UploadId, cancelled: CancellationToken) -> AbortOnDropHandle<()> {
        let media = self.clone();
        let interval = (self.config.interrupted_after / 5).min(MAX_INTERVAL);
        let poll = STATE_POLL.min(interval);
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut since_heartbeat = Duration::ZERO;
            let mut row_seen = false;
            loop {
                tokio::time::sleep(poll).await;
                since_heartbeat += poll;
                match uploads::is_receiving(&media.db, id).await {
                    Ok(Some(true)) => row_seen = true,
                    Ok(Some(false)) => cancelled.cancel(),
                    Ok(None) if row_seen => cancelled.cancel(),
                    // Not inserted yet, or unknown until the next poll.
                    Ok(None) | Err(_) => {}
                }
                if since_heartbeat < interval {
                    continue;
                }
                since_heartbeat = Duration::ZERO;
                if let Err(error) = uploads::touch(&media.db, id, media.clock.now()).await {
                    tracing::warn!(%error, upload.id = %id, "upload heartbeat failed");
                }
            }
        }))
    }
}

/// Reads a file until the token is cancelled.
pub(super) struct Cancellable<F> {
    pub file: F,
    pub cancelled: CancellationToken,
}

impl<F: Chunks> Chunks for Cancellable<F> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.cancelled.run_until_cancelled(self.file.next()).await.unwrap_or_else(|| Err(upload_aborted()))
    }
}
