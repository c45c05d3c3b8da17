//! What is popular: hourly view totals, weighted by age.
//!
//! With Redis one replica recomputes the lists and stores them there
//! (`popular:{window}`); without it each replica computes a list on request, at
//! most once per interval.

use std::{sync::Arc, time::Duration};

use fenz_cache::{Redis, Unavailable, cmd, pipe};
use fenz_contract::recommendation::v1::VideoSummary;
use fenz_core::{Clock, Error, Result, VideoId};
use moka::future::Cache;
use sea_orm::DatabaseConnection;

use super::{App, read_limiter::ReadLimiter};
use crate::{
    Config,
    domain::{
        Window,
        page::{CAP, Page},
    },
    store::views,
};

/// Ids of a list: more than are shown, as spares for videos that are removed.
const LIST_LEN: u64 = CAP + 200;
/// How long a list is used before Redis is asked again.
const MEMORY_TTL: Duration = Duration::from_secs(1);
/// The TTL of a list in Redis, in intervals.
const TTL_INTERVALS: u32 = 10;
/// A member that sorts last and tells an empty list from a missing one.
const SENTINEL: (f64, i64) = (-1.0, 0);

/// The key of a list.
pub fn list_key(redis: &Redis, window: Window) -> String {
    redis.key(format_args!("popular:{}", window.as_str()))
}

type List = Arc<Vec<VideoId>>;

pub struct Popular {
    db: DatabaseConnection,
    clock: Clock,
    redis: Option<Redis>,
    limiter: Arc<ReadLimiter>,
    interval: Duration,
    /// Lists from Redis or computed, as requests use them.
    lists: Cache<Window, List>,
    /// Lists that this replica computed on request.
    computed: Cache<Window, List>,
    /// The newest videos, by count.
    newest: Cache<usize, List>,
}

impl Popular {
    pub fn new(
        db: DatabaseConnection,
        clock: Clock,
        redis: Option<Redis>,
        limiter: Arc<ReadLimiter>,
        config: &Config,
    ) -> Self {
        let cache = |ttl| Cache::builder().time_to_live(ttl).build();
        let interval = config.popular_every;
        let (lists, computed) = (cache(MEMORY_TTL.min(interval)), cache(interval));
        let newest = Cache::builder().time_to_live(MEMORY_TTL).build();
        Self { db, clock, redis, limiter, interval, lists, computed, newest }
    }

    /// Ids, the most popular first.
    pub async fn list(&self, window: Window) -> Result<List> {
        let read = self.lists.try_get_with(window, async {
            match self.read_redis(window).await {
                Ok(Some(list)) => Ok(list),
                Ok(None) | Err(_) => self.compute_once(window).await,
            }
        });
        read.await.map_err(shared)
    }

    /// Ids of the newest public videos.
    async fn newest(&self, limit: usize) -> Result<List> {
        let read = self.newest.try_get_with(limit, async {
            let _permit = self.limiter.acquire().await?;
            Ok(Arc::new(views::newest(&self.db, limit as u64).await?))
        });
        read.await.map_err(shared)
    }

    async fn read_redis(&self, window: Window) -> Result<Option<List>, Unavailable> {
        let Some(redis) = &self.redis else { return Ok(None) };
        let mut range = cmd("ZRANGE");
        range.arg(list_key(redis, window)).arg(0).arg(-1).arg("REV");
        let mut ids: Vec<i64> = redis.run(&range).await?;
        if ids.pop() != Some(SENTINEL.1) {
            return Ok(None);
        }
        Ok(Some(Arc::new(ids.into_iter().map(VideoId).collect())))
    }

    async fn compute_once(&self, window: Window) -> Result<List> {
        let computed = self.computed.try_get_with(window, async {
            let _permit = self.limiter.acquire().await?;
            self.recompute(window).await
        });
        computed.await.map_err(shared)
    }

    /// Computes a list and stores it in Redis, if that is available.
    async fn recompute(&self, window: Window) -> Result<List> {
        let now = (self.clock.unix() / 3600) as i32;
        let scored = views::popular(&self.db, now, now - window.hours(), LIST_LEN).await?;
        if let Some(redis) = &self.redis
            && let Err(error) = self.write_redis(redis, window, &scored).await
        {
            tracing::debug!(%error, "popular list not written to redis");
        }
        Ok(Arc::new(scored.into_iter().map(|(id, _)| id).collect()))
    }

    async fn write_redis(&self, redis: &Redis, window: Window, scored: &[(VideoId, f64)]) -> Result<(), Unavailable> {
        let key = list_key(redis, window);
        let mut write = pipe();
        write.atomic().cmd("DEL").arg(&key).ignore();
        let members: Vec<(f64, i64)> =
            scored.iter().map(|(id, score)| (*score, id.0)).chain(std::iter::once(SENTINEL)).collect();
        write.cmd("ZADD").arg(&key).arg(members).ignore();
        write.cmd("EXPIRE").arg(&key).arg((self.interval * TTL_INTERVALS).as_secs().max(1)).ignore();
        redis.run_all(&write).await
    }

    /// Recomputes all lists in Redis: the job of one replica.
    pub async fn refresh(&self) -> Result<()> {
        if self.redis.is_none() {
            return Ok(());
        }
        for window in Window::ALL {
            self.recompute(window).await?;
        }
        Ok(())
    }

    /// Removes videos that are no longer public from the lists in memory.
    pub async fn remove(&self, ids: &[VideoId]) {
        if ids.is_empty() {
            return;
        }
        for cache in [&self.lists, &self.computed] {
            for window in Window::ALL {
                if let Some(list) = cache.get(&window).await
                    && list.iter().any(|id| ids.contains(id))
                {
                    let rest = list.iter().copied().filter(|id| !ids.contains(id)).collect();
                    cache.insert(window, Arc::new(rest)).await;
                }
            }
        }
    }
}

fn shared(error: Arc<Error>) -> Error {
    Arc::try_unwrap(error).unwrap_or_else(|error| Error::new(error.reason, error.message.clone()))
}

impl App {
    /// A page of popular videos, and how many there are.
    pub async fn popular(&self, window: Window, page: Page) -> Result<(Vec<Arc<VideoSummary>>, usize)> {
        let list = self.popular.list(window).await?;
        let total = list.len().min(CAP as usize);
        let (from, to) = ((page.offset as usize).min(total), (page.end() as usize).min(total));
        Ok((self.summaries.public(&list[from..to]).await?, total))
    }

    /// Popular videos, topped up with the newest ones.
    pub async fn popular_or_new(&self, limit: usize) -> Result<Vec<Arc<VideoSummary>>> {
        let mut ids: Vec<VideoId> = self.popular.list(Window::Week).await?.iter().copied().take(limit).collect();
        if ids.len() < limit {
            let newest = self.popular.newest(limit).await?;
            let others = newest.iter().copied().filter(|id| !ids.contains(id)).take(limit - ids.len());
            ids.extend(others.collect::<Vec<_>>());
        }
        self.summaries.public(&ids).await
    }
}
