//! Full-text search: this replica's own copy of the index, kept current by the
//! order of changes, and title search while there is none.

mod documents;
mod index_dir;
mod indexer;
mod response;

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use fenz_chassis::Platform;
use fenz_contract::recommendation::v1::VideoSummary;
use fenz_search_index::{Highlight, Index, Query, Results};
use moka::future::Cache;
use tokio::sync::Semaphore;

use indexer::Indexer;

pub use response::SearchResponse;

use super::App;

/// How long results of the current index are cached.
const CACHE_TTL: Duration = Duration::from_secs(60);
/// Approximate bytes of cached results.
const MAX_CACHE_BYTES: u64 = 16 << 20;
/// Approximate maximum of a highlight: a title and 200 characters.
const HIGHLIGHT_BYTES: usize = 800;

/// Concurrent searches, on blocking threads: more than processors would only
/// slow each other down.
fn max_concurrency() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// The index of this replica, if it is ready.
#[derive(Clone)]
pub struct Search {
    app: App,
    shared: Arc<Shared>,
}

struct Shared {
    index: RwLock<Option<Arc<Index>>>,
    permits: Arc<Semaphore>,
    /// Results by the state of the index and the query: searches repeat.
    cache: Cache<(u64, Query), Arc<CachedResults>>,
}

struct CachedResults {
    results: Results,
    /// A corrected query, if there are no results.
    correction: Option<String>,
    /// Set when the summaries of the results are first loaded.
    highlights: OnceLock<Vec<Highlight>>,
}

impl Search {
    /// Starts to open or build the index; searches are answered meanwhile.
    pub fn start(platform: &Platform, app: App) -> Self {
        let cache =
            Cache::builder().weigher(|(_, query): &(u64, Query), results: &Arc<CachedResults>| results.bytes(query));
        let shared = Arc::new(Shared {
            index: RwLock::new(None),
            permits: Arc::new(Semaphore::new(max_concurrency())),
            cache: cache.max_capacity(MAX_CACHE_BYTES).time_to_live(CACHE_TTL).build(),
        });
        let search = Self { app, shared };
        Indexer::new(search.clone()).start(platform);
        search
    }

    fn index(&self) -> Option<Arc<Index>> {
        self.shared.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_index(&self, index: Option<Arc<Index>>) {
        *self.shared.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// Runs work on the index on a blocking thread; None while there is no index,
    /// or if it turns out to be broken.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> fenz_search_index::Result<T> + Send + 'static,
    ) -> Option<T> {
        let index = self.index()?;
        // The semaphore is never closed.
        let permit = self.shared.permits.clone().acquire_owned().await.ok()?;
        let used = index.clone();
        let task = move || {
            // Held until the work ends, even if its caller is gone.
            let _permit = permit;
            work(&used)
        };
        let error = match tokio::task::spawn_blocking(task).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        tracing::error!(error, "search index broken; reopening it");
        self.discard(&index);
        None
    }

    /// Removes a broken index, unless it was replaced meanwhile. The indexer
    /// reopens or rebuilds it.
    fn discard(&self, broken: &Arc<Index>) {
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        if index.as_ref().is_some_and(|index| Arc::ptr_eq(index, broken)) {
            *index = None;
            self.app.index_wakeup.wake();
        }
    }

    /// Cached results; concurrent identical searches run once.
    async fn search(&self, query: Query) -> Option<Arc<CachedResults>> {
        let state = self.index()?.state();
        let key = (state, query.clone());
        let search = move |index: &Index| {
            let results = index.search(&query)?;
            let correction = if results.total == 0 { index.correct(&query.text)? } else { None };
            Ok(Arc::new(CachedResults { results, correction, highlights: OnceLock::new() }))
        };
        self.shared.cache.optionally_get_with(key, self.run(search)).await
    }
}

impl CachedResults {
    /// Highlights the query in the videos of these results.
    fn highlight(&self, videos: &[Arc<VideoSummary>]) {
        let marker = &self.results.marker;
        self.highlights.get_or_init(|| {
            videos.iter().filter_map(|video| marker.highlight(video.id, &video.title, &video.description)).collect()
        });
    }

    /// Approximate size in memory.
    fn bytes(&self, query: &Query) -> u32 {
        let (hits, facets) = (&self.results.hits, &self.results.facets);
        let counts = facets.categories.len() + facets.tags.len() + facets.durations.len() + facets.years.len();
        (query.text.len()
            + self.results.marker.bytes()
            + hits.len() * HIGHLIGHT_BYTES
            + size_of_val(hits.as_slice())
            + counts * size_of::<(i64, u64)>()
            + size_of::<(Query, Self)>()) as u32
    }
}
