//! The use cases of search, and what they return.

use std::sync::Arc;

use fenz_contract::recommendation::v1::VideoSummary;
use fenz_core::Result;
use fenz_search_index::{Facets, Highlight, Query};

use super::{CachedResults, Search};
use crate::{
    domain::{VideoId, page::CAP},
    store::titles,
};

/// Popular videos shown if nothing was found.
const MAX_POPULAR: usize = 20;
const MAX_SUGGESTIONS: u64 = 10;
/// Bytes of text that are highlighted about as fast as a thread is woken.
const MAX_INLINE_BYTES: usize = 16_000;

#[derive(Default)]
pub struct SearchResponse {
    pub videos: Vec<Arc<VideoSummary>>,
    pub total: u64,
    pub facets: Facets,
    pub highlights: Vec<Highlight>,
    pub popular: Vec<Arc<VideoSummary>>,
    pub corrected_query: Option<String>,
    pub is_degraded: bool,
}

impl Search {
    /// A page of the matching videos.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn find(&self, query: Query) -> Result<SearchResponse> {
        let mut response = match self.search(query.clone()).await {
            Some(results) => self.respond(&results).await?,
            None => self.find_titles(&query).await?,
        };
        if response.total == 0 {
            response.popular = self.app.popular_or_new(MAX_POPULAR).await?;
        }
        Ok(response)
    }

    async fn respond(&self, cached: &Arc<CachedResults>) -> Result<SearchResponse> {
        let ids: Vec<VideoId> = cached.results.hits.iter().map(|hit| VideoId(hit.id)).collect();
        // Filters out videos that were hidden after the last commit of the index.
        let videos = self.app.summaries.visible(&ids).await?;
        if cached.highlights.get().is_none() {
            self.highlight(cached, &videos).await;
        }
        let is_shown = |h: &&Highlight| videos.iter().any(|video| video.id == h.id);
        Ok(SearchResponse {
            total: cached.results.total,
            facets: cached.results.facets.clone(),
            highlights: cached.highlights.get().into_iter().flatten().filter(is_shown).cloned().collect(),
            corrected_query: cached.correction.clone(),
            videos,
            ..SearchResponse::default()
        })
    }

    async fn highlight(&self, cached: &Arc<CachedResults>, videos: &[Arc<VideoSummary>]) {
        let bytes: usize = videos.iter().map(|video| video.title.len() + video.description.len()).sum();
        if bytes <= MAX_INLINE_BYTES {
            return cached.highlight(videos);
        }
        // A page of the longest descriptions takes milliseconds.
        let (cached, videos) = (cached.clone(), videos.to_vec());
        self.run(move |_| {
            cached.highlight(&videos);
            Ok(())
        })
        .await;
    }

    async fn find_titles(&self, query: &Query) -> Result<SearchResponse> {
        let ids = self.title_ids(query, CAP).await?;
        let page: Vec<VideoId> = ids.iter().copied().skip(query.offset).take(query.limit).collect();
        let videos = self.app.summaries.visible(&page).await?;
        Ok(SearchResponse { videos, total: ids.len() as u64, is_degraded: true, ..SearchResponse::default() })
    }

    /// Completions of a query.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn suggest(&self, prefix: String) -> Result<Vec<String>> {
        let text = prefix.clone();
        if let Some(suggestions) = self.run(move |index| index.suggest(&text)).await {
            return Ok(suggestions);
        }
        let ids = self.title_ids(&Query { text: prefix, ..Query::default() }, MAX_SUGGESTIONS).await?;
        let videos = self.app.summaries.visible(&ids).await?;
        let mut titles: Vec<String> = videos.iter().map(|video| video.title.clone()).collect();
        titles.dedup();
        Ok(titles)
    }

    /// Ids of visible videos whose titles start with the text of a query.
    async fn title_ids(&self, query: &Query, limit: u64) -> Result<Vec<VideoId>> {
        let _permit = self.app.limiter.acquire().await?;
        Ok(titles::find_by_prefix(&self.app.db, query, limit).await?)
    }
}
