//! Publishes the outbox on the bus. Each replica publishes its own rows right
//! after the commit; rows that are left over, one replica publishes after
//! seconds. A row is deleted when the bus has the event: what is published twice
//! takes effect once.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use fenz_chassis::Platform;
use tokio_util::sync::CancellationToken;

use crate::{
    Lease,
    backoff::Backoff,
    bus::Bus,
    outbox::Inner,
    store::outbox::{self, Rows},
};

/// Rows that are published concurrently.
const PAGE: u64 = 128;
/// The age at which any replica may publish a row.
const STALE: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(1);

/// Starts the replica's relay and the sweeper.
pub fn start(platform: &Platform, outbox: &Arc<Inner>, bus: &Bus) {
    let relay = Relay { outbox: outbox.clone(), bus: bus.clone() };
    platform.spawn("events.relay", relay.run(platform.stop.clone()));
    let sweeper = Relay { outbox: outbox.clone(), bus: bus.clone() };
    platform.spawn(
        "events.sweeper",
        sweeper.sweep(Lease::new(platform, outbox.db.clone(), "events.sweeper"), platform.stop.clone()),
    );
}

struct Relay {
    outbox: Arc<Inner>,
    bus: Bus,
}

impl Relay {
    async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        while stop.run_until_cancelled(self.outbox.committed.notified()).await.is_some() {
            match self.publish_own().await {
                Ok(_) => backoff.reset(),
                Err(error) => {
                    tracing::debug!(service = self.outbox.service, %error, "events wait in the outbox");
                    backoff.sleep(&stop).await;
                    // There may be no other commit; the sweeper takes older rows.
                    self.outbox.committed.notify_one();
                    self.outbox.left_over.notify_one();
                }
            }
        }
        // What the last requests committed. If this fails, the next start publishes it.
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), self.publish_own()).await {
            tracing::info!(service = self.outbox.service, %error, "events stay in the outbox");
        }
        Ok(())
    }

    async fn sweep(self, lease: Lease, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        // At first for what the process before has left.
        let mut wait = SWEEP;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.outbox.left_over.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = match self.publish_stale(&lease).await {
                Ok(is_empty) => {
                    backoff.reset();
                    if is_empty { fenz_database::poll_interval(&self.outbox.db, SWEEP) } else { SWEEP }
                }
                Err(error) => {
                    tracing::warn!(service = self.outbox.service, %error, "events wait in the outbox");
                    backoff.sleep(&stop).await;
                    SWEEP
                }
            };
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease was not released; it expires");
        }
        Ok(())
    }

    async fn publish_own(&self) -> Result<usize> {
        let since = self.outbox.clock.ago(STALE);
        self.publish(Rows::Own { replica: self.outbox.replica.id(), since }, None).await
    }

    /// Whether nothing is left, also of what is not stale yet.
    async fn publish_stale(&self, lease: &Lease) -> Result<bool> {
        let before = self.outbox.clock.ago(STALE);
        // Mostly there are none; then no lease is written.
        match outbox::oldest(&self.outbox.db).await? {
            None => return Ok(true),
            Some(oldest) if oldest >= before => return Ok(false),
            Some(_) => {}
        }
        self.publish(Rows::Older(before), Some(lease)).await?;
        Ok(false)
    }

    /// Publishes page by page; rows whose publishing failed stay. How many rows
    /// there were.
    async fn publish(&self, of: Rows<'_>, lease: Option<&Lease>) -> Result<usize> {
        let (mut above, mut seen) = (0, 0);
        let mut problem = None;
        loop {
            if let Some(lease) = lease
                && !lease.hold().await?
            {
                break;
            }
            let rows = outbox::page(&self.outbox.db, of, above, PAGE).await?;
            let Some(last) = rows.last() else { break };
            (above, seen) = (last.seq, seen + rows.len());
            let full = rows.len() as u64 == PAGE;
            let published = self.bus.publish(&rows).await;
            let count = published.seqs.len();
            metrics::counter!("fenz_events_published_total", "service" => self.outbox.service).increment(count as u64);
            outbox::delete(&self.outbox.db, published.seqs).await?;
            if let Some(failure) = published.problem {
                problem = Some(failure);
                // A whole page failed: the bus is unavailable.
                if count == 0 {
                    break;
                }
            }
            if !full {
                break;
            }
        }
        problem.map_or(Ok(seen), Err)
    }
}
