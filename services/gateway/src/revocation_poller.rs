//! Polls auth for ended sessions and keeps the local list up to date.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use fenz_chassis::{Platform, peers::PeerChannel};
use fenz_contract::auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient};
use fenz_core::Clock;

use crate::domain::revocations::Revocations;

/// An ended session must be refused within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Until the first successful poll, every signed-in request is refused.
const STARTUP_POLL_INTERVAL: Duration = Duration::from_millis(50);
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts the background task that polls the list of ended sessions.
pub fn spawn(platform: &Platform) -> Result<Arc<Revocations>> {
    let revocations = Arc::new(Revocations::default());
    let mut poller = Poller {
        auth: AuthServiceClient::new(platform.peers.require("auth")?),
        clock: platform.clock.clone(),
        cursor: 0,
    };
    let checked = revocations.clone();
    platform.readiness.require("gateway.revocations", move || {
        let loaded = checked.is_loaded();
        async move { if loaded { Ok(()) } else { anyhow::bail!("ended sessions are not loaded yet") } }
    });
    let (stop, list) = (platform.stop.clone(), revocations.clone());
    platform.spawn("revocations", async move {
        let mut was_healthy = true;
        loop {
            let outcome = poller.poll(&list).await;
            let interval = if list.is_loaded() { POLL_INTERVAL } else { STARTUP_POLL_INTERVAL };
            // Logged on a change only, not twice a second.
            match &outcome {
                Err(error) if was_healthy => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "ended sessions cannot be read; keeping the known ones"
                    );
                }
                Ok(()) if !was_healthy => tracing::info!("ended sessions can be read again"),
                _ => {}
            }
            was_healthy = outcome.is_ok();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(interval) => {}
            }
        }
    });
    Ok(revocations)
}

struct Poller {
    auth: AuthServiceClient<PeerChannel>,
    clock: Clock,
    cursor: i64,
}

impl Poller {
    /// Reads page after page until one has nothing new.
    async fn poll(&mut self, list: &Revocations) -> Result<()> {
        loop {
            let call = self.auth.list_ended_sessions(ListEndedSessionsRequest { after: self.cursor });
            let reply = tokio::time::timeout(CALL_TIMEOUT, call).await.context("auth does not answer")??.into_inner();
            let ended = reply.sessions.into_iter().filter_map(|s| Some((s.id, s.until?.seconds))).collect();
            self.cursor = reply.next;
            if !list.add(ended, self.clock.unix()) {
                list.mark_loaded();
                return Ok(());
            }
        }
    }
}
