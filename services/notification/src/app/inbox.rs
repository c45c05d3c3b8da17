//! A user's list and counts, merged on read.

use std::collections::HashSet;

use fenz_core::{Result, UserId};
use fenz_database::snapshot;
use sea_orm::ConnectionTrait;

use super::App;
use crate::{
    domain::{Entry, Notification, Reader, Seq, page},
    store::{latest_events, latest_events::LatestEvent, notifications, readers, sequence},
};

/// A user's counts, and what they are valid for.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// None until requested.
    unread: Option<u64>,
    total: Option<u64>,
    /// The reader's version.
    version: i64,
    /// The last position at which these were found to be valid.
    position: Seq,
    /// Of the latest events of the user's channels.
    fingerprint: u64,
}

impl App {
    /// A user's unread notifications; 1,000 means 1,000 or more.
    pub async fn unread_count(&self, user: UserId) -> Result<u64> {
        let (position, reader) = sequence::last_and_reader(&self.db, user).await?;
        if let Some(unread) = self.counts_at(user, position, &reader).and_then(|counts| counts.unread) {
            return Ok(unread);
        }
        let latest = latest_events::of_user(&self.db, user, reader.enabled).await?;
        let mut counts = self.valid_counts(user, position, &reader, &latest);
        if let Some(unread) = counts.unread {
            return Ok(unread);
        }
        let filter = (user, reader.enabled);
        let unread = notifications::count_above(&self.db, filter, &latest, reader.watermark, (true, page::CAP)).await?;
        counts.unread = Some(unread);
        self.counts.insert(user, counts);
        Ok(unread)
    }

    /// A page of a user's notifications, newest first, and their number; 1,000 means
    /// 1,000 or more.
    pub async fn list(&self, user: UserId, page: page::Page) -> Result<(Vec<Entry>, u64)> {
        snapshot(&self.db, |txn| async move {
            let db = &*txn;
            let (position, reader) = sequence::last_and_reader(db, user).await?;
            let latest = latest_events::of_user(db, user, reader.enabled).await?;
            let total = self.total(db, user, position, &reader, &latest).await?;
            if page.offset >= total {
                return Ok((Vec::new(), total));
            }
            let newest = notifications::newest(db, (user, reader.enabled), &latest, 0, page.end()).await?;
            let seqs: Vec<Seq> = newest.into_iter().skip(page.offset as usize).collect();
            Ok((entries(db, user, &reader, &seqs).await?, total))
        })
        .await
    }

    /// The notifications after one position and up to another, oldest first; the newest
    /// 1,000 of them.
    pub async fn entries_between(&self, user: UserId, after: Seq, up_to: Seq) -> Result<Vec<Entry>> {
        let (_, reader) = sequence::last_and_reader(&self.db, user).await?;
        let latest = latest_events::of_user(&self.db, user, reader.enabled).await?;
        let mut seqs = notifications::newest(&self.db, (user, reader.enabled), &latest, after, page::CAP).await?;
        seqs.retain(|seq| *seq <= up_to);
        let mut entries = entries(&self.db, user, &reader, &seqs).await?;
        entries.reverse();
        Ok(entries)
    }

    async fn total(
        &self,
        db: &impl ConnectionTrait,
        user: UserId,
        position: Seq,
        reader: &Reader,
        latest: &[LatestEvent],
    ) -> Result<u64> {
        let mut counts = self.valid_counts(user, position, reader, latest);
        if let Some(total) = counts.total {
            return Ok(total);
        }
        let filter = (user, reader.enabled);
        let total = notifications::count_above(db, filter, latest, 0, (false, page::CAP)).await?;
        counts.total = Some(total);
        self.counts.insert(user, counts);
        Ok(total)
    }

    /// The cached counts, if nothing at all was projected since.
    fn counts_at(&self, user: UserId, position: Seq, reader: &Reader) -> Option<Counts> {
        let cached = self.counts.get(&user)?;
        (cached.version == reader.version && cached.position == position).then_some(cached)
    }

    /// The cached counts if neither the reader nor one of the latest events has
    /// changed; empty ones otherwise.
    ///
    /// Counting need not be one snapshot with the arguments: what is committed in
    /// between is cached under a position, version or fingerprint from before it, so the
    /// next request counts again.
    fn valid_counts(&self, user: UserId, position: Seq, reader: &Reader, latest: &[LatestEvent]) -> Counts {
        let fingerprint = latest_events::fingerprint(latest);
        let cached = self.counts.get(&user);
        let cached = cached.filter(|cached| cached.version == reader.version && cached.fingerprint == fingerprint);
        let counts = match cached {
            Some(cached) => Counts { position, ..cached },
            None => Counts { unread: None, total: None, version: reader.version, position, fingerprint },
        };
        self.counts.insert(user, counts);
        counts
    }
}

async fn entries(db: &impl ConnectionTrait, user: UserId, reader: &Reader, seqs: &[Seq]) -> Result<Vec<Entry>> {
    let notifications = notifications::at(db, user, seqs).await?;
    let above: Vec<Seq> = seqs.iter().copied().filter(|seq| *seq > reader.watermark).collect();
    let read: HashSet<Seq> = match above.as_slice() {
        [] => HashSet::new(),
        above => readers::read_among(db, user, above).await?.into_iter().collect(),
    };
    let entry = |notification: Notification| {
        let is_read = notification.seq <= reader.watermark || read.contains(&notification.seq);
        Entry { notification, is_read }
    };
    Ok(notifications.into_iter().map(entry).collect())
}
