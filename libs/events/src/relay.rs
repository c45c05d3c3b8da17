//! From the outbox to the bus. Each replica publishes what it wrote right
//! after the commit; what was left behind, one of them takes after seconds.
//! A row goes when the bus has the event: what is published twice takes effect
//! once.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use fenz_chassis::Platform;
use tokio_util::sync::CancellationToken;

use crate::{
    Lease,
    backoff::Backoff,
    bus::Bus,
    outbox::Inner,
    store::outbox::{self, Whose},
};

/// Rows that are published side by side.
const PAGE: u64 = 128;
/// When a row counts as left behind.
const STALE: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(1);
/// After what was written without a nudge, when to look whether it is
/// committed.
const LOOKS: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(40), Duration::from_millis(200)];

/// Starts both.
pub fn start(platform: &Platform, outbox: &Arc<Inner>, bus: &Bus) -> Result<()> {
    let relay = Relay { outbox: outbox.clone(), bus: bus.clone() };
    platform.spawn("events.relay", relay.run(platform.stop.clone()));
    let sweeper = Relay { outbox: outbox.clone(), bus: bus.clone() };
    platform.spawn("events.sweeper", sweeper.sweep(Lease::new(platform, "events.sweeper")?, platform.stop.clone()));
    Ok(())
}

struct Relay {
    outbox: Arc<Inner>,
    bus: Bus,
}

impl Relay {
    async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        // Which of the looks comes next; all are over at first.
        let mut look = LOOKS.len();
        loop {
            let pause = LOOKS.get(look).copied();
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.outbox.committed.notified() => {}
                // Another write begins them anew, but does not put the first off.
                () = self.outbox.written.notified(), if look > 0 => {
                    look = 0;
                    continue;
                }
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => look += 1,
            }
            match self.publish_own().await {
                Ok(_) => backoff.reset(),
                Err(error) => {
                    tracing::debug!(service = self.outbox.service, %error, "events wait in the outbox");
                    self.pause(&mut backoff, &stop).await;
                    // Nobody may nudge again; the sweeper takes what is older.
                    self.outbox.committed.notify_one();
                }
            }
        }
        // What the last requests committed. Whatever fails, the next start has it.
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), self.publish_own()).await {
            tracing::info!(service = self.outbox.service, %error, "events stay in the outbox");
        }
        Ok(())
    }

    async fn sweep(self, lease: Lease, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(SWEEP) => {}
            }
            match self.publish_stale(&lease).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    tracing::warn!(service = self.outbox.service, %error, "events wait in the outbox");
                    self.pause(&mut backoff, &stop).await;
                }
            }
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease runs out by itself");
        }
        Ok(())
    }

    async fn pause(&self, backoff: &mut Backoff, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }

    async fn publish_own(&self) -> Result<usize> {
        let since = self.outbox.clock.ago(STALE);
        self.publish(Whose::Own { replica: self.outbox.replica.id(), since }, None).await
    }

    async fn publish_stale(&self, lease: &Lease) -> Result<()> {
        let whose = Whose::Older(self.outbox.clock.ago(STALE));
        // Mostly there is nothing, and then no lease to write either.
        if outbox::page(&self.outbox.db, whose, 0, 1).await?.is_empty() {
            return Ok(());
        }
        self.publish(whose, Some(lease)).await.map(drop)
    }

    /// Publishes page by page, those whose publishing failed left where they
    /// are. How many rows there were.
    async fn publish(&self, whose: Whose<'_>, lease: Option<&Lease>) -> Result<usize> {
        let (mut above, mut seen) = (0, 0);
        let mut problem = None;
        loop {
            if let Some(lease) = lease
                && !lease.hold().await?
            {
                break;
            }
            let rows = outbox::page(&self.outbox.db, whose, above, PAGE).await?;
            let Some(last) = rows.last() else { break };
            (above, seen) = (last.seq, seen + rows.len());
            let full = rows.len() as u64 == PAGE;
            let published = self.bus.publish(&rows).await;
            let count = published.seqs.len();
            metrics::counter!("fenz_events_published_total", "service" => self.outbox.service).increment(count as u64);
            outbox::delete(&self.outbox.db, published.seqs).await?;
            if let Some(failure) = published.problem {
                problem = Some(failure);
                // A whole page: the bus is away, and the next would fare alike.
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
