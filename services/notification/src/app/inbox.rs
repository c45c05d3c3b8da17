//! A user's list and counts, put together when they are read.

use std::collections::HashSet;

use fenz_chassis::{Result, UserId};

use super::App;
use crate::{
    domain::{Notice, Reader, Seq, page},
    store::{heads, heads::Head, notices, readers, sequence},
};

/// A notice as one user has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub notice: Notice,
    pub is_read: bool,
}

/// A user's counts, and what they were counted from.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// None until it was asked for.
    unread: Option<u64>,
    total: Option<u64>,
    /// Of the user as a reader.
    version: i64,
    /// The last place when this was found to hold.
    position: Seq,
    /// Of the heads of the user's list.
    fingerprint: u64,
}

impl App {
    /// How much a user has not read; 1,000 is 1,000 or more.
    pub async fn unread_count(&self, user: UserId) -> Result<u64> {
        let (position, reader) = sequence::last_and_reader(&self.db, user.0).await?;
        if let Some(unread) = self.kept(user, position, &reader).and_then(|kept| kept.unread) {
            return Ok(unread);
        }
        let heads = heads::of_user(&self.db, user.0, reader.wanted).await?;
        let mut summary = self.summary(user, position, &reader, &heads);
        if let Some(unread) = summary.unread {
            return Ok(unread);
        }
        let of = (user.0, reader.wanted);
        let unread = notices::count_above(&self.db, of, &heads, reader.watermark, (true, page::CAP)).await?;
        summary.unread = Some(unread);
        self.summaries.insert(user.0, summary);
        Ok(unread)
    }

    /// A page of a user's notices, the newest first, and how many there are;
    /// 1,000 is 1,000 or more.
    pub async fn list(&self, user: UserId, page: page::Page) -> Result<(Vec<Entry>, u64)> {
        let (position, reader) = sequence::last_and_reader(&self.db, user.0).await?;
        let heads = heads::of_user(&self.db, user.0, reader.wanted).await?;
        let total = self.total(user, position, &reader, &heads).await?;
        if page.offset >= total {
            return Ok((Vec::new(), total));
        }
        let newest = notices::newest(&self.db, (user.0, reader.wanted), &heads, 0, page.end()).await?;
        let seqs: Vec<Seq> = newest.into_iter().skip(page.offset as usize).collect();
        Ok((self.entries(user, &reader, &seqs).await?, total))
    }

    /// What came after a place and up to another, the oldest first; the newest
    /// 1,000 of it.
    pub async fn missed(&self, user: UserId, after: Seq, up_to: Seq) -> Result<Vec<Entry>> {
        let (_, reader) = sequence::last_and_reader(&self.db, user.0).await?;
        let heads = heads::of_user(&self.db, user.0, reader.wanted).await?;
        let mut seqs = notices::newest(&self.db, (user.0, reader.wanted), &heads, after, page::CAP).await?;
        seqs.retain(|seq| *seq <= up_to);
        let mut entries = self.entries(user, &reader, &seqs).await?;
        entries.reverse();
        Ok(entries)
    }

    async fn entries(&self, user: UserId, reader: &Reader, seqs: &[Seq]) -> Result<Vec<Entry>> {
        let notices = notices::at(&self.db, user.0, seqs).await?;
        let unsure: Vec<Seq> = seqs.iter().copied().filter(|seq| *seq > reader.watermark).collect();
        let read: HashSet<Seq> = match unsure.as_slice() {
            [] => HashSet::new(),
            unsure => readers::reads_among(&self.db, user.0, unsure).await?.into_iter().collect(),
        };
        let entry = |notice: Notice| Entry { is_read: reader.has_read(notice.seq, read.contains(&notice.seq)), notice };
        Ok(notices.into_iter().map(entry).collect())
    }

    /// The counts that are kept, when nothing at all has happened since.
    fn kept(&self, user: UserId, position: Seq, reader: &Reader) -> Option<Summary> {
        let kept = self.summaries.get(&user.0)?;
        (kept.version == reader.version && kept.position == position).then_some(kept)
    }

    async fn total(&self, user: UserId, position: Seq, reader: &Reader, heads: &[Head]) -> Result<u64> {
        let mut summary = self.summary(user, position, reader, heads);
        if let Some(total) = summary.total {
            return Ok(total);
        }
        let of = (user.0, reader.wanted);
        let total = notices::count_above(&self.db, of, heads, 0, (false, page::CAP)).await?;
        summary.total = Some(total);
        self.summaries.insert(user.0, summary);
        Ok(total)
    }

    /// The counts that are kept where neither the user nor one of their heads has
    /// moved; otherwise none.
    ///
    /// What is counted from here on is not of one moment. What comes in between
    /// is counted under a position, version or fingerprint from before it, so the
    /// next question counts again.
    fn summary(&self, user: UserId, position: Seq, reader: &Reader, heads: &[Head]) -> Summary {
        let fingerprint = heads::fingerprint(heads);
        let kept = self.summaries.get(&user.0);
        let kept = kept.filter(|kept| kept.version == reader.version && kept.fingerprint == fingerprint);
        let summary = match kept {
            Some(kept) => Summary { position, ..kept },
            None => Summary { unread: None, total: None, version: reader.version, position, fingerprint },
        };
        self.summaries.insert(user.0, summary);
        summary
    }

    /// Forgets all counts: rows went without a head moving.
    pub(super) fn forget_counts(&self) {
        self.summaries.invalidate_all();
    }
}
