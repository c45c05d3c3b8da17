//! Recommended videos: a random sample from the viewer's tags, in pages.

use std::{collections::HashSet, sync::Arc};

use fenz_contract::recommendation::v1::VideoSummary;
use fenz_core::Result;

use super::{App, feed_store::Feed, prefetch, sets::SetKey, summaries::Preloaded};
use crate::domain::{
    TagId, VideoId, Viewer,
    sampling::{self, Ids, MAX_FEED_LEN, Sample},
};

/// Ids that a new feed has at least, if the complete one is longer: two pages.
const MIN_FIRST_LEN: usize = 40;
/// How often a feed is extended until it is complete. Tags that share many
/// videos yield fewer distinct ids than requested.
const MAX_EXTENSIONS: usize = 8;

/// A page of a feed.
pub struct Recommended {
    pub videos: Vec<Arc<VideoSummary>>,
    pub total: usize,
    pub seed: String,
}

impl App {
    /// A page of the feed of a seed, or of a new feed.
    pub async fn recommended(
        &self,
        viewer: &Viewer,
        (offset, limit): (usize, usize),
        seed: Option<&str>,
    ) -> Result<Recommended> {
        let stored = match seed {
            Some(seed) => self.feeds.find(seed).await.map(|feed| (seed.to_owned(), feed)),
            None => None,
        };
        let (seed, feed, preloaded) = match stored {
            Some((seed, feed)) if feed.viewer == viewer.key() => (seed, feed, Preloaded::default()),
            _ => {
                let (feed, preloaded) = self.new_feed(viewer, offset.saturating_add(limit)).await?;
                let feed = Arc::new(feed);
                (self.feeds.insert(feed.clone()), feed, preloaded)
            }
        };
        let total = feed.total as usize;
        let end = offset.saturating_add(limit).min(total);
        let offset = offset.min(end);
        let videos = if end <= feed.ids.len() {
            self.summaries.public_with(&feed.ids(offset..end), preloaded).await?
        } else {
            let ids = self.complete_feed(&seed, &feed).await?;
            self.summaries.public(&ids[offset.min(ids.len())..end.min(ids.len())]).await?
        };
        Ok(Recommended { videos, total, seed })
    }

    /// A new or prefetched feed for a viewer, and the preloaded summaries of the
    /// latter.
    async fn new_feed(&self, viewer: &Viewer, end: usize) -> Result<(Feed, Preloaded)> {
        let preferences = self.preferences.get(viewer).await?;
        let watched = match viewer {
            Viewer::User(user) if preferences.watched_last => self.watch_history.get(*user).await,
            _ => Arc::default(),
        };
        let (tags, viewer) = (&preferences.tags, viewer.key());
        if !watched.is_empty() || end > prefetch::PAGE_SIZE {
            let feed = self.sample_feed(tags, &watched, end).await?;
            return Ok((Feed { viewer, ..feed }, Preloaded::default()));
        }
        let (feed, preloaded) = match self.prefetcher.take(tags, self.sets.generation()) {
            Some(prefetched) => prefetched,
            None => (self.sample_feed(tags, &watched, end).await?, Preloaded::default()),
        };
        if !self.summaries.contains_all(&feed.ids(0..end.min(feed.ids.len()))) {
            self.prefetcher.enqueue(tags);
        }
        Ok((Feed { viewer, ..feed }, preloaded))
    }

    /// Samples a feed from a random subset of tags: completely if it is short or
    /// its order depends on all ids, else the first ids.
    pub(super) async fn sample_feed(&self, tags: &[TagId], watched: &HashSet<VideoId>, end: usize) -> Result<Feed> {
        let tags = sampling::random_subset(tags, &mut self.random.rng());
        let keys = set_keys(&tags);
        let first_len = if watched.is_empty() { end.clamp(MIN_FIRST_LEN, MAX_FEED_LEN) } else { MAX_FEED_LEN };
        let mut samples = self.sets.samples(&keys, sample_size(&keys, first_len)).await?;
        if first_len < MAX_FEED_LEN && may_be_short(&samples) && !are_complete(&samples) {
            samples = self.sets.samples(&keys, MAX_FEED_LEN).await?;
        }
        let total = sampling::union_size(&samples);
        let limit = if may_be_short(&samples) { total } else { first_len };
        let mut ids = sampling::sample_union(samples, &HashSet::new(), limit, &mut self.random.rng());
        if !watched.is_empty() {
            self.extend(&keys, &mut ids, total).await?;
            sampling::move_watched_last(&mut ids, watched);
        }
        let total = if limit >= total || !watched.is_empty() { ids.len() } else { total };
        let (tags, ids) = (tags.iter().map(|tag| tag.0).collect(), ids.iter().map(|id| id.0).collect());
        Ok(Feed { viewer: String::new(), tags, total: total as u32, ids })
    }

    /// All ids of a feed.
    async fn complete_feed(&self, seed: &str, feed: &Feed) -> Result<Ids> {
        if let Some(ids) = self.feeds.find_complete(seed).await {
            return Ok(ids);
        }
        let tags: Vec<TagId> = feed.tags.iter().copied().map(TagId).collect();
        let mut ids = feed.ids(0..feed.ids.len());
        self.extend(&set_keys(&tags), &mut ids, feed.total as usize).await?;
        Ok(self.feeds.insert_complete(seed, ids).await)
    }

    /// Samples further ids, up to a total.
    async fn extend(&self, keys: &[SetKey], ids: &mut Vec<VideoId>, total: usize) -> Result<()> {
        let mut seen: HashSet<VideoId> = ids.iter().copied().collect();
        for _ in 0..MAX_EXTENSIONS {
            let missing = total.saturating_sub(ids.len());
            if missing == 0 {
                break;
            }
            let samples = self.sets.samples(keys, sample_size(keys, total)).await?;
            let more = sampling::sample_union(samples, &seen, missing, &mut self.random.rng());
            seen.extend(&more);
            ids.extend(more);
        }
        Ok(())
    }
}

fn set_keys(tags: &[TagId]) -> Vec<SetKey> {
    if tags.is_empty() { vec![None] } else { tags.iter().copied().map(Some).collect() }
}

/// The size of each set's sample: of several sets some ids are duplicates.
fn sample_size(keys: &[SetKey], limit: usize) -> usize {
    if keys.len() == 1 { limit } else { limit + limit / 2 }
}

/// Whether the union may have fewer ids than a feed.
fn may_be_short(samples: &[Sample]) -> bool {
    samples.iter().all(|s| s.size < MAX_FEED_LEN)
}

fn are_complete(samples: &[Sample]) -> bool {
    samples.iter().all(|s| s.ids.len() == s.size)
}
