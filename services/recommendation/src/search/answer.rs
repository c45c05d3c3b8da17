//! What a search is answered with.

use std::sync::Arc;

use fenz_chassis::Result;
use fenz_search_index::{Facets, Highlight, Index, Query};

use super::{Kept, Search};
use crate::{app::Card, domain::page::CAP};

/// Popular videos in place of none found.
const POPULAR: usize = 20;
const SUGGESTIONS: u64 = 10;

/// Bytes of texts that are marked in less time than another thread takes to
/// wake up, or not much more.
const MARKED_AT_ONCE: usize = 16_000;

/// What was found, or what may help where nothing was.
#[derive(Default)]
pub struct Found {
    pub cards: Vec<Arc<Card>>,
    pub total: u64,
    pub facets: Facets,
    pub highlights: Vec<Highlight>,
    pub popular: Vec<Arc<Card>>,
    pub corrected_query: Option<String>,
    pub is_degraded: bool,
}

impl Search {
    /// A page of the videos that match.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, query: Query) -> Result<Found> {
        let mut found = match self.search(query.clone()).await {
            Some(kept) => self.look_up(&kept).await?,
            None => self.find_titles(&query).await?,
        };
        if found.total == 0 {
            found.popular = self.app.popular_or_new(POPULAR).await?;
        }
        Ok(found)
    }

    async fn look_up(&self, kept: &Arc<Kept>) -> Result<Found> {
        let ids: Vec<i64> = kept.results.hits.iter().map(|hit| hit.id).collect();
        // What was hidden a moment ago is not in the index only a moment later.
        let cards = self.app.shelf.visible(&ids).await?;
        if kept.highlights.get().is_none() {
            self.mark(kept, &cards).await;
        }
        let is_shown = |h: &&Highlight| cards.iter().any(|card| card.summary.id == h.id);
        Ok(Found {
            total: kept.results.total,
            facets: kept.results.facets.clone(),
            highlights: kept.highlights.get().into_iter().flatten().filter(is_shown).cloned().collect(),
            corrected_query: kept.corrected.clone(),
            cards,
            ..Found::default()
        })
    }

    async fn mark(&self, kept: &Arc<Kept>, cards: &[Arc<Card>]) {
        let bytes: usize = cards.iter().map(|card| card.summary.title.len() + card.summary.description.len()).sum();
        if bytes <= MARKED_AT_ONCE {
            return kept.mark(cards);
        }
        // A page of the longest descriptions takes milliseconds.
        let (kept, cards) = (kept.clone(), cards.to_vec());
        let mark = move |_: &Index| {
            kept.mark(&cards);
            Ok(())
        };
        self.ask(mark).await;
    }

    async fn find_titles(&self, query: &Query) -> Result<Found> {
        let ids = self.app.read_titles(query, CAP).await?;
        let page: Vec<i64> = ids.iter().copied().skip(query.offset).take(query.limit).collect();
        let cards = self.app.shelf.visible(&page).await?;
        Ok(Found { cards, total: ids.len() as u64, is_degraded: true, ..Found::default() })
    }

    /// What a query that begins so could become.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn suggest(&self, beginning: String) -> Result<Vec<String>> {
        let asked = beginning.clone();
        if let Some(suggestions) = self.ask(move |index| index.suggest(&asked)).await {
            return Ok(suggestions);
        }
        let query = Query { text: beginning, ..Query::default() };
        let ids = self.app.read_titles(&query, SUGGESTIONS).await?;
        let cards = self.app.shelf.visible(&ids).await?;
        let mut titles: Vec<String> = cards.iter().map(|card| card.summary.title.clone()).collect();
        titles.dedup();
        Ok(titles)
    }
}
