//! Asks auth for sessions that end, and keeps the local list up to date.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use fenz_chassis::{Platform, peers::PeerChannel};
use fenz_contract::auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient};
use fenz_core::Clock;

use crate::domain::revocations::Revocations;

/// Auth sends at most so many at once.
const PAGE: usize = 20_000;
/// How long auth may wait for a session to end before it answers.
const WAIT: Duration = Duration::from_secs(5);
/// How much longer than the wait a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two calls. An ended session must be refused within a second, also while many
/// end.
const PAUSE: Duration = Duration::from_millis(100);
/// Before another try when auth is away.
const RETRY: Duration = Duration::from_millis(500);
/// Until the first list is loaded, every signed-in request is refused.
const STARTUP_RETRY: Duration = Duration::from_millis(50);

/// Starts the background task that keeps the list of ended sessions up to date.
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
        while let Some(outcome) = stop.run_until_cancelled(poller.poll(&list)).await {
            let pause = match &outcome {
                _ if !list.is_loaded() => STARTUP_RETRY,
                Ok(()) => PAUSE,
                Err(_) => RETRY,
            };
            // Logged on a change only, not with each try.
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
            tokio::time::sleep(pause).await;
        }
        Ok(())
    });
    Ok(revocations)
}

struct Poller {
    auth: AuthServiceClient<PeerChannel>,
    clock: Clock,
    cursor: i64,
}

impl Poller {
    /// Adds what has ended, or waits for the next session that does.
    async fn poll(&mut self, list: &Revocations) -> Result<()> {
        let wait = if list.is_loaded() { WAIT } else { Duration::ZERO };
        let request = ListEndedSessionsRequest { after: self.cursor, wait_ms: wait.as_millis() as i32 };
        let call = self.auth.list_ended_sessions(request);
        let reply = tokio::time::timeout(wait + CALL_TIMEOUT, call).await.context("auth does not answer")??;
        let reply = reply.into_inner();
        let is_last = reply.sessions.len() < PAGE;
        let ended = reply.sessions.into_iter().filter_map(|s| Some((s.id, s.until?.seconds))).collect();
        self.cursor = reply.next;
        list.add(ended, self.clock.unix());
        if is_last {
            list.mark_loaded();
        }
        Ok(())
    }
}
