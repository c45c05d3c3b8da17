//! Finding videos by words: this replica's own copy of the index, kept true by
//! the order of changes, and what is answered while there is none.

mod answer;
mod documents;
mod feed;
mod home;

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use fenz_chassis::Platform;
use fenz_search_index::{Highlight, Index, Query, Results};
use moka::future::Cache;
use tokio::sync::Semaphore;

pub use answer::Found;
use feed::Feeder;

use crate::app::{App, Card};

/// How long results are kept that are as new as the index.
const KEPT: Duration = Duration::from_secs(60);
/// Bytes of results that are kept, about.
const KEPT_BYTES: u64 = 16 << 20;
/// What a highlight takes at most, about: a title and 200 letters.
const HIGHLIGHT_BYTES: usize = 800;

/// Searches run by threads of their own, so many at a time: more would only
/// take the processor from each other.
fn width() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// The index of this replica; none while it is missing or built.
#[derive(Clone)]
pub struct Search {
    app: App,
    shared: Arc<Shared>,
}

struct Shared {
    index: RwLock<Option<Arc<Index>>>,
    turns: Arc<Semaphore>,
    /// What was found, by the state of the index that it was found in: most
    /// people search for what others have just searched for.
    found: Cache<(u64, Query), Arc<Kept>>,
}

/// What a search found, and what is only known once its videos are looked up.
struct Kept {
    results: Results,
    /// What the text may have meant, where nothing was found.
    corrected: Option<String>,
    highlights: OnceLock<Vec<Highlight>>,
}

impl Search {
    /// Begins to open or build the index; it answers meanwhile.
    pub fn start(platform: &Platform, app: App) -> anyhow::Result<Self> {
        let found = Cache::builder().weigher(|(_, query): &(u64, Query), kept: &Arc<Kept>| kept.bytes(query));
        let shared = Arc::new(Shared {
            index: RwLock::new(None),
            turns: Arc::new(Semaphore::new(width())),
            found: found.max_capacity(KEPT_BYTES).time_to_live(KEPT).build(),
        });
        let search = Self { app, shared };
        Feeder::new(platform, search.clone())?.start(platform);
        Ok(search)
    }

    fn index(&self) -> Option<Arc<Index>> {
        self.shared.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_index(&self, index: Option<Arc<Index>>) {
        *self.shared.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// What the index has; nothing while there is none, or when it turns out
    /// to be broken.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Index) -> fenz_search_index::Result<T> + Send + 'static,
    ) -> Option<T> {
        let index = self.index()?;
        // They are never closed.
        let turn = self.shared.turns.clone().acquire_owned().await.ok()?;
        let asked = index.clone();
        let work = move || {
            // Goes on when nobody waits any more, and has its turn until then.
            let _turn = turn;
            question(&asked)
        };
        let problem = match tokio::task::spawn_blocking(work).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        tracing::error!(error = problem, "the search index is broken; it is opened again");
        self.give_up(&index);
        None
    }

    /// Takes the index away, unless there is another by now. Its feeder opens
    /// it again, or builds it anew.
    fn give_up(&self, broken: &Arc<Index>) {
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        if index.as_ref().is_some_and(|index| Arc::ptr_eq(index, broken)) {
            *index = None;
        }
    }

    /// Asked at once by many, found once.
    async fn search(&self, query: Query) -> Option<Arc<Kept>> {
        let state = self.index()?.state();
        let asked = query.clone();
        let search = move |index: &Index| {
            let results = index.search(&asked)?;
            let corrected = if results.total == 0 { index.correct(&asked.text)? } else { None };
            Ok(Arc::new(Kept { results, corrected, highlights: OnceLock::new() }))
        };
        self.shared.found.optionally_get_with((state, query), self.ask(search)).await
    }
}

impl Kept {
    /// Marks what was looked for in these, its videos.
    fn mark(&self, cards: &[Arc<Card>]) {
        self.highlights.get_or_init(|| {
            let videos = cards.iter().map(|card| &card.summary);
            let marker = &self.results.marker;
            videos.filter_map(|video| marker.highlight(video.id, &video.title, &video.description)).collect()
        });
    }

    /// What it takes in memory, about.
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
