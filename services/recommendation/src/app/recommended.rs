//! What to watch next: a random drawing from the viewer's tags, paged through.

use std::{collections::HashSet, sync::Arc};

use fenz_chassis::Result;

use super::{
    App, ahead,
    feeds::Feed,
    sets::Key,
    shelf::{Card, Ready},
};
use crate::domain::{
    TagId, Viewer,
    draw::{self, FEED, Sample},
};

/// What is drawn at once where the drawing is longer: two pages.
const BEGINNING: usize = 40;
/// How often more is drawn until a drawing is whole. Samples of tags that have
/// much in common give less than they promise.
const ROUNDS: usize = 8;

/// A page of a drawing.
pub struct Recommended {
    pub cards: Vec<Arc<Card>>,
    pub total: usize,
    pub seed: String,
}

impl App {
    /// A page of the drawing under a seed, or of a new one.
    pub async fn recommended(
        &self,
        viewer: &Viewer,
        (offset, limit): (usize, usize),
        seed: Option<&str>,
    ) -> Result<Recommended> {
        let known = match seed {
            Some(seed) => self.feeds.find(seed).await.map(|feed| (seed.to_owned(), feed)),
            None => None,
        };
        let (seed, feed, ready) = match known {
            Some((seed, feed)) if feed.viewer == viewer.mark() => (seed, feed, Ready::default()),
            _ => {
                let (feed, ready) = self.draw_for(viewer, offset.saturating_add(limit)).await?;
                let feed = Arc::new(feed);
                (self.feeds.keep(feed.clone()), feed, ready)
            }
        };
        let total = feed.total as usize;
        let end = offset.saturating_add(limit).min(total);
        let offset = offset.min(end);
        let cards = if end <= feed.ids.len() {
            self.shelf.public_of(&feed.ids[offset..end], ready).await?
        } else {
            let whole = self.whole(&seed, &feed).await?;
            self.shelf.public(&whole[offset.min(whole.len())..end.min(whole.len())]).await?
        };
        Ok(Recommended { cards, total, seed })
    }

    /// A drawing for a viewer, and those of its videos that were looked up
    /// ahead.
    async fn draw_for(&self, viewer: &Viewer, end: usize) -> Result<(Feed, Ready)> {
        let taste = self.viewers.taste(viewer).await?;
        let watched = match viewer {
            Viewer::User(user) if taste.watched_last => self.watched.of(*user).await,
            _ => Arc::default(),
        };
        let mark = viewer.mark();
        if !watched.is_empty() || end > ahead::PAGE {
            let feed = self.draw(&taste.tags, &watched, end).await?;
            return Ok((Feed { viewer: mark, ..feed }, Ready::default()));
        }
        let (feed, ready) = match self.ahead.take(&taste.tags, self.sets.state()) {
            Some(drawn) => drawn,
            None => (self.draw(&taste.tags, &watched, end).await?, Ready::default()),
        };
        if !self.shelf.has(&feed.ids[..end.min(feed.ids.len())]) {
            self.ahead.want(&taste.tags);
        }
        Ok((Feed { viewer: mark, ..feed }, ready))
    }

    /// Draws from some of these tags: the whole where it is short or its order
    /// depends on all of it, else the beginning.
    pub(super) async fn draw(&self, tags: &[TagId], watched: &HashSet<i64>, end: usize) -> Result<Feed> {
        let tags = draw::some_of(tags, &mut rand::rng());
        let keys = keys(&tags);
        let beginning = if watched.is_empty() { end.clamp(BEGINNING, FEED) } else { FEED };
        let mut samples = self.sets.samples(&keys, enough(&keys, beginning)).await?;
        if beginning < FEED && is_short(&samples) && !is_whole(&samples) {
            samples = self.sets.samples(&keys, FEED).await?;
        }
        let total = draw::union_size(&samples);
        let wanted = if is_short(&samples) { total } else { beginning };
        let mut ids = draw::weave(samples, &HashSet::new(), wanted, &mut rand::rng());
        if !watched.is_empty() {
            self.draw_on(&keys, &mut ids, total).await?;
            draw::watched_last(&mut ids, watched);
        }
        let total = if wanted >= total || !watched.is_empty() { ids.len() } else { total };
        Ok(Feed { viewer: String::new(), tags: tags.iter().map(|t| t.0).collect(), total: total as u32, ids })
    }

    /// The whole of a drawing of which there is the beginning.
    async fn whole(&self, seed: &str, feed: &Feed) -> Result<Arc<Vec<i64>>> {
        if let Some(whole) = self.feeds.find_whole(seed).await {
            return Ok(whole);
        }
        let tags: Vec<TagId> = feed.tags.iter().copied().map(TagId).collect();
        let mut ids = feed.ids.clone();
        self.draw_on(&keys(&tags), &mut ids, feed.total as usize).await?;
        Ok(self.feeds.keep_whole(seed, ids).await)
    }

    /// Draws on behind what is drawn.
    async fn draw_on(&self, keys: &[Key], ids: &mut Vec<i64>, until: usize) -> Result<()> {
        let mut drawn: HashSet<i64> = ids.iter().copied().collect();
        for _ in 0..ROUNDS {
            let wanted = until.saturating_sub(ids.len());
            if wanted == 0 {
                break;
            }
            let samples = self.sets.samples(keys, enough(keys, until)).await?;
            let more = draw::weave(samples, &drawn, wanted, &mut rand::rng());
            drawn.extend(&more);
            ids.extend(more);
        }
        Ok(())
    }
}

fn keys(tags: &[TagId]) -> Vec<Key> {
    if tags.is_empty() { vec![None] } else { tags.iter().copied().map(Some).collect() }
}

/// How large samples have to be: of several sets some is in an earlier one.
fn enough(keys: &[Key], wanted: usize) -> usize {
    if keys.len() == 1 { wanted } else { wanted + wanted / 2 }
}

/// Whether the sets may have less than a drawing.
fn is_short(samples: &[Sample]) -> bool {
    samples.iter().all(|s| s.size < FEED)
}

fn is_whole(samples: &[Sample]) -> bool {
    samples.iter().all(|s| s.ids.len() == s.size)
}
