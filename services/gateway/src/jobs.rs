//! Keeps the list of ended sessions as auth has it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use fenz_chassis::{Clock, Platform, peers::PeerChannel};
use fenz_contract::auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient};

use crate::domain::revocations::Revocations;

/// An ended session must be refused within a second.
const PAUSE: Duration = Duration::from_millis(500);
/// Before the first answer: nobody is let in until it comes.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(2);

/// Loads the list and follows it in the background.
pub fn follow_revocations(platform: &Platform) -> Result<Arc<Revocations>> {
    let revocations = Arc::new(Revocations::default());
    let mut source = Source {
        auth: AuthServiceClient::new(platform.peers.require("auth")?),
        clock: platform.clock.clone(),
        next: 0,
    };
    let seen = revocations.clone();
    platform.readiness.require("gateway.revocations", move || {
        let loaded = seen.is_loaded();
        async move { if loaded { Ok(()) } else { anyhow::bail!("ended sessions are not loaded yet") } }
    });
    let (stop, list) = (platform.stop.clone(), revocations.clone());
    platform.spawn("revocations", async move {
        let mut was_well = true;
        loop {
            let outcome = source.read(&list).await;
            let pause = if list.is_loaded() { PAUSE } else { FIRST_PAUSE };
            // Told once, not twice a second.
            match &outcome {
                Err(error) if was_well => {
                    tracing::warn!(error = format!("{error:#}"), "ended sessions cannot be read; keeping those known");
                }
                Ok(()) if !was_well => tracing::info!("ended sessions are read again"),
                _ => {}
            }
            was_well = outcome.is_ok();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
    Ok(revocations)
}

struct Source {
    auth: AuthServiceClient<PeerChannel>,
    clock: Clock,
    next: i64,
}

impl Source {
    /// Reads on until there is nothing new: auth tells long lists in parts.
    async fn read(&mut self, list: &Revocations) -> Result<()> {
        loop {
            let call = self.auth.list_ended_sessions(ListEndedSessionsRequest { after: self.next });
            let reply = tokio::time::timeout(PATIENCE, call).await.context("auth does not answer")??.into_inner();
            let ended = reply.sessions.into_iter().filter_map(|s| Some((s.id, s.until?.seconds))).collect();
            self.next = reply.next;
            if !list.add(ended, self.clock.unix()) {
                list.loaded();
                return Ok(());
            }
        }
    }
}
