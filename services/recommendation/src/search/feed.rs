//! Keeps the index as new as the table.
//!
//! The index remembers how far it is in the order of changes, with each commit.
//! It goes on from there after a restart, and begins again when it is missing or
//! broken, when the schema is another, when an administrator asks for it, when
//! the table is older than it (a backup), or when it slept for so long that what
//! is gone may not be told any more.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Result;
use fenz_chassis::{Clock, Platform};
use fenz_search_index::{Change, Index, Mark};
use sea_orm::DatabaseConnection;
use tokio::task::spawn_blocking;

use super::{Search, documents, home};
use crate::store::{
    listing::{self, Cursor},
    sequence, views,
};

/// How often is looked for changes.
const LOOK: Duration = Duration::from_millis(200);
/// Looks that find nothing until what writing needs is let go of: five seconds,
/// in which segments are merged as a rule, since a change would wait for that.
const REST: u32 = 25;
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Looks to wait for searches to end.
const GOODBYE: usize = 50;
/// Videos read at a time.
const PAGE: u64 = 500;
/// View counts read at a time.
const VIEWS_PAGE: u64 = 5_000;
/// Videos after which a long way is committed in between.
const COMMIT: usize = 250_000;
/// An index that is older is built anew; tombstones are kept a day longer.
const STALE: i64 = 7 * 24 * 3600;
/// An index that had nothing to do says at least so often how new it is.
const TOUCH: i64 = 3600;

pub struct Feeder {
    db: DatabaseConnection,
    clock: Clock,
    folder: PathBuf,
    search: Search,
}

impl Feeder {
    pub fn new(platform: &Platform, search: Search) -> Result<Self> {
        let folder = search.app.config.index_dir.clone();
        Ok(Self { db: platform.db()?, clock: platform.clock.clone(), folder, search })
    }

    pub fn start(self, platform: &Platform) {
        let stop = platform.stop.clone();
        platform.spawn("search_index", async move {
            let search = self.search.clone();
            // What it does not get done is done at the next start.
            stop.run_until_cancelled_owned(self.run()).await;
            search.set_index(None);
            Ok(())
        });
    }

    async fn run(self) {
        loop {
            if let Err(error) = self.live().await {
                tracing::warn!(error = format!("{error:#}"), "no search index; trying again");
            }
            self.search.set_index(None);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Opens the index and feeds it until it is broken.
    async fn live(&self) -> Result<()> {
        let (_, generation) = sequence::with_index(&self.db).await?;
        let folder = self.folder.clone();
        let home = spawn_blocking(move || home::open(&folder, generation)).await??;
        if let Some(problem) = home.problem {
            tracing::warn!(problem, "the search index could not be used; building it anew");
        }
        let index = Arc::new(home.index);
        let outcome = self.keep(&index).await;
        self.search.set_index(None);
        // Its folder is free when the last search has let go of it.
        for _ in 0..GOODBYE {
            if Arc::strong_count(&index) == 1 {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        outcome
    }

    /// Feeds the index as long as it is good.
    async fn keep(&self, index: &Arc<Index>) -> Result<()> {
        let (mut is_whole, mut idle) = (false, 0_u32);
        loop {
            idle = if self.step(index).await? { 0 } else { idle.saturating_add(1) };
            if idle == REST {
                rest(index).await?;
            }
            if !is_whole {
                is_whole = true;
                tracing::info!(videos = index.len(), "the search index is ready");
                self.search.set_index(Some(index.clone()));
            }
            tokio::time::sleep(LOOK).await;
            if self.search.index().is_none() {
                // A search found it broken.
                return Ok(());
            }
        }
    }

    /// Takes in what changed since the last commit; whether anything was
    /// written.
    async fn step(&self, index: &Arc<Index>) -> Result<bool> {
        let (last, generation) = match sequence::with_index(&self.db).await {
            Ok(places) => places,
            Err(error) => {
                // The index is as good as it was.
                tracing::debug!(%error, "changes cannot be read; trying again");
                return Ok(false);
            }
        };
        let now = self.clock.unix();
        let mut mark = index.mark();
        let is_stale = mark.sequence > 0 && now - mark.at > STALE;
        if mark.generation != generation || mark.sequence > last || is_stale {
            tracing::info!("building the search index anew");
            self.search.set_index(None);
            clear(index, generation).await?;
            mark = index.mark();
            self.feed(index, mark, last).await?;
            self.search.set_index(Some(index.clone()));
        } else if mark.sequence < last || mark.within != i64::MAX {
            self.feed(index, mark, last).await?;
        } else if now - mark.at > TOUCH {
            commit(index, Mark { at: now, ..mark }).await?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    async fn feed(&self, index: &Arc<Index>, from: Mark, last: i64) -> Result<()> {
        let start = Cursor { seq: from.sequence, video_id: from.within };
        // Views first: then an index that is as far as a video is as far as the
        // views before it. From the beginning, videos bring theirs.
        if from.sequence > 0 {
            self.feed_views(index, start).await?;
        }
        let (mut cursor, mut since) = (start, 0);
        loop {
            let listed = listing::changed_after(&self.db, cursor, PAGE).await?;
            let Some(end) = listed.last() else { break };
            cursor = Cursor { seq: end.change_seq, video_id: end.video.id };
            since += listed.len();
            apply(index, documents::changes(&self.db, listed).await?).await?;
            if since >= COMMIT {
                since = 0;
                let at = self.clock.unix();
                commit(index, Mark { sequence: cursor.seq, within: cursor.video_id, at, ..from }).await?;
            }
        }
        commit(index, Mark { sequence: last, within: i64::MAX, at: self.clock.unix(), ..from }).await
    }

    async fn feed_views(&self, index: &Arc<Index>, mut cursor: Cursor) -> Result<()> {
        loop {
            let counted = views::changed_after(&self.db, cursor, VIEWS_PAGE).await?;
            let Some((end, _)) = counted.last() else { return Ok(()) };
            cursor = *end;
            let viewed = |(at, total): (Cursor, i64)| Change::Viewed { id: at.video_id, views: total.max(0) as u64 };
            apply(index, counted.into_iter().map(viewed).collect()).await?;
        }
    }
}

async fn apply(index: &Arc<Index>, changes: Vec<Change>) -> Result<()> {
    let index = index.clone();
    Ok(spawn_blocking(move || index.apply(&changes)).await??)
}

async fn commit(index: &Arc<Index>, mark: Mark) -> Result<()> {
    let index = index.clone();
    Ok(spawn_blocking(move || index.commit(mark)).await??)
}

async fn rest(index: &Arc<Index>) -> Result<()> {
    let index = index.clone();
    Ok(spawn_blocking(move || index.rest()).await??)
}

async fn clear(index: &Arc<Index>, generation: i64) -> Result<()> {
    let index = index.clone();
    Ok(spawn_blocking(move || index.clear(generation)).await??)
}
