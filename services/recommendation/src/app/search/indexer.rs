//! Keeps the index up to date with the table.
//!
//! Each commit of the index stores its position in the order of changes, where
//! indexing resumes after a restart. The index is rebuilt if it is missing or
//! broken, has another schema, an administrator requests it, the table is older
//! than it (a restored backup), or it is so old that tombstones of deleted videos
//! may have been pruned.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use fenz_chassis::Platform;
use fenz_database::poll_interval;
use fenz_search_index::{Change, Index, Mark};
use tokio::task::spawn_blocking;

use super::{Search, documents, index_dir};
use crate::{
    domain::VideoId,
    store::{
        listing::{self, Cursor},
        sequence, views,
    },
};

/// The shortest time between two commits, and how often changes by other replicas are
/// polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How long after the last change the writer is released: merges have usually ended by
/// then, and releasing it waits for them.
const WRITER_IDLE: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Polls to wait for running searches before the index is closed.
const CLOSE_POLLS: usize = 50;
/// Videos per query.
const PAGE_SIZE: u64 = 500;
/// View totals per query.
const VIEWS_PAGE_SIZE: u64 = 5_000;
/// Videos between commits of a long catch-up.
const COMMIT_INTERVAL: usize = 250_000;
/// The maximum age of an index in seconds; tombstones are kept a day longer.
const MAX_AGE: i64 = 7 * 24 * 3600;
/// How often an idle index is committed, in seconds, to stay below [`MAX_AGE`].
const TOUCH_INTERVAL: i64 = 3600;

pub struct Indexer {
    search: Search,
}

impl Indexer {
    pub fn new(search: Search) -> Self {
        Self { search }
    }

    pub fn start(self, platform: &Platform) {
        let stop = platform.stop.clone();
        platform.spawn("search_index", async move {
            let search = self.search.clone();
            // The next start resumes from the last commit.
            stop.run_until_cancelled_owned(self.run()).await;
            search.set_index(None);
            Ok(())
        });
    }

    async fn run(self) {
        loop {
            if let Err(error) = self.open_and_update().await {
                tracing::warn!(error = format!("{error:#}"), "search index unavailable; retrying");
            }
            self.search.set_index(None);
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Opens the index and updates it until it is broken.
    async fn open_and_update(&self) -> Result<()> {
        let (_, generation) = sequence::last_with_index_generation(&self.search.app.db).await?;
        let path = self.search.app.config.index_dir.clone();
        let opened = spawn_blocking(move || index_dir::open(&path, generation)).await??;
        if let Some(problem) = opened.problem {
            tracing::warn!(problem, "search index not usable; rebuilding it");
        }
        let index = Arc::new(opened.index);
        let outcome = self.update(&index).await;
        self.search.set_index(None);
        // Its directory is locked until the last search has dropped it.
        for _ in 0..CLOSE_POLLS {
            if Arc::strong_count(&index) == 1 {
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        outcome
    }

    /// Updates the index until it is broken.
    async fn update(&self, index: &Arc<Index>) -> Result<()> {
        let rest = poll_interval(&self.search.app.db, Duration::ZERO);
        let (mut is_ready, mut has_writer, mut changed_at) = (false, true, Instant::now());
        loop {
            if self.poll(index).await? {
                (has_writer, changed_at) = (true, Instant::now());
            } else if has_writer && changed_at.elapsed() >= WRITER_IDLE {
                has_writer = false;
                blocking(index, Index::release_writer).await?;
            }
            if !is_ready {
                is_ready = true;
                tracing::info!(videos = index.len(), "search index ready");
                self.search.set_index(Some(index.clone()));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
            self.search.app.index_wakeup.wait(if has_writer { rest.min(WRITER_IDLE) } else { rest }).await;
            if self.search.index().is_none() {
                // Discarded as broken by a search.
                return Ok(());
            }
        }
    }

    /// Applies the changes since the last commit. Returns whether anything was
    /// committed.
    async fn poll(&self, index: &Arc<Index>) -> Result<bool> {
        let (last, generation) = match sequence::last_with_index_generation(&self.search.app.db).await {
            Ok(positions) => positions,
            Err(error) => {
                // The index stays usable.
                tracing::debug!(%error, "changes not read; retrying");
                self.search.app.index_wakeup.wake();
                return Ok(false);
            }
        };
        let now = self.search.app.clock.unix();
        let mut mark = index.mark();
        let is_stale = mark.sequence > 0 && now - mark.at > MAX_AGE;
        if mark.generation != generation || mark.sequence > last || is_stale {
            tracing::info!("rebuilding the search index");
            self.search.set_index(None);
            blocking(index, move |index| index.clear(generation)).await?;
            mark = index.mark();
            self.catch_up(index, mark, last).await?;
            self.search.set_index(Some(index.clone()));
        } else if mark.sequence < last || mark.within != i64::MAX {
            self.catch_up(index, mark, last).await?;
        } else if now - mark.at > TOUCH_INTERVAL {
            blocking(index, move |index| index.commit(Mark { at: now, ..mark })).await?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    async fn catch_up(&self, index: &Arc<Index>, from: Mark, last: i64) -> Result<()> {
        let start = Cursor { seq: from.sequence, video_id: VideoId(from.within) };
        // Views first, so that the position of a video includes the views before
        // it. A rebuild needs none: videos include their views.
        if from.sequence > 0 {
            self.apply_views(index, start).await?;
        }
        let (mut cursor, mut uncommitted) = (start, 0);
        loop {
            let listed = listing::changed_after(&self.search.app.db, cursor, PAGE_SIZE).await?;
            let Some(end) = listed.last() else { break };
            cursor = Cursor { seq: end.change_seq, video_id: end.video.id };
            uncommitted += listed.len();
            let changes = documents::changes(&self.search.app.db, listed).await?;
            blocking(index, move |index| index.apply(&changes)).await?;
            if uncommitted >= COMMIT_INTERVAL {
                uncommitted = 0;
                self.commit(index, from, cursor).await?;
            }
        }
        self.commit(index, from, Cursor::end_of(last)).await
    }

    async fn commit(&self, index: &Arc<Index>, from: Mark, Cursor { seq, video_id }: Cursor) -> Result<()> {
        let mark = Mark { sequence: seq, within: video_id.0, at: self.search.app.clock.unix(), ..from };
        blocking(index, move |index| index.commit(mark)).await
    }

    async fn apply_views(&self, index: &Arc<Index>, mut cursor: Cursor) -> Result<()> {
        loop {
            let totals = views::changed_after(&self.search.app.db, cursor, VIEWS_PAGE_SIZE).await?;
            let Some((end, _)) = totals.last() else { return Ok(()) };
            cursor = *end;
            let change = |(at, total): (Cursor, i64)| Change::Viewed { id: at.video_id.0, views: total.max(0) as u64 };
            let changes: Vec<Change> = totals.into_iter().map(change).collect();
            blocking(index, move |index| index.apply(&changes)).await?;
        }
    }
}

/// Runs work on the index on a blocking thread.
async fn blocking(
    index: &Arc<Index>,
    work: impl FnOnce(&Index) -> fenz_search_index::Result<()> + Send + 'static,
) -> Result<()> {
    let index = index.clone();
    Ok(spawn_blocking(move || work(&index)).await??)
}
