//! What is watched now: hourly totals that count less by the hour.
//!
//! One replica reckons every minute and puts the lists into Redis
//! (`popular:{window}`); without Redis each replica reckons when it is asked,
//! as often at most.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{
    Clock, Error, Result,
    redis::{Away, Redis, cmd, pipe},
};
use moka::future::Cache;
use sea_orm::DatabaseConnection;

use super::{App, gate::Gate, shelf::Card};
use crate::{
    Config,
    domain::{
        Window,
        page::{CAP, Page},
    },
    store::views,
};

/// Places of a list: some more than are shown, for videos that go.
const PLACES: u64 = CAP + 200;
/// How long a list is gone by before Redis is asked again.
const IN_MEMORY: Duration = Duration::from_secs(1);
/// How many times the pause between two reckonings a list in Redis lives.
const LIVES: u32 = 10;
/// The mark that a list is there, behind all others.
const MARK: (f64, i64) = (-1.0, 0);

/// The name of a list.
pub fn list_key(redis: &Redis, window: Window) -> String {
    redis.key(format_args!("popular:{}", window.as_str()))
}

type List = Arc<Vec<i64>>;

pub struct Popular {
    db: DatabaseConnection,
    clock: Clock,
    redis: Option<Redis>,
    gate: Arc<Gate>,
    every: Duration,
    /// What requests go by.
    shown: Cache<Window, List>,
    /// What this replica reckoned.
    reckoned: Cache<Window, List>,
    /// So many of the newest, where too few are popular.
    newest: Cache<usize, List>,
}

impl Popular {
    pub fn new(db: DatabaseConnection, clock: Clock, redis: Option<Redis>, gate: Arc<Gate>, config: &Config) -> Self {
        let cache = |lifetime| Cache::builder().time_to_live(lifetime).build();
        let every = config.popular_every;
        let (shown, reckoned) = (cache(IN_MEMORY.min(every)), cache(every));
        let newest = Cache::builder().time_to_live(IN_MEMORY).build();
        Self { db, clock, redis, gate, every, shown, reckoned, newest }
    }

    /// Ids, the most popular first.
    pub async fn list(&self, window: Window) -> Result<List> {
        let read = self.shown.try_get_with(window, async {
            match self.in_redis(window).await {
                Ok(Some(list)) => Ok(list),
                Ok(None) | Err(_) => self.reckon_once(window).await,
            }
        });
        read.await.map_err(shared)
    }

    /// Ids of the public videos that were published last.
    async fn newest(&self, limit: usize) -> Result<List> {
        let read = self.newest.try_get_with(limit, async {
            let _permit = self.gate.enter().await?;
            Ok(Arc::new(views::newest(&self.db, limit as u64).await?))
        });
        read.await.map_err(shared)
    }

    async fn in_redis(&self, window: Window) -> Result<Option<List>, Away> {
        let Some(redis) = &self.redis else { return Ok(None) };
        let mut range = cmd("ZRANGE");
        range.arg(list_key(redis, window)).arg(0).arg(-1).arg("REV");
        let mut ids: Vec<i64> = redis.run(&range).await?;
        // Without its mark it is no list.
        if ids.pop() != Some(MARK.1) {
            return Ok(None);
        }
        Ok(Some(Arc::new(ids)))
    }

    async fn reckon_once(&self, window: Window) -> Result<List> {
        let reckoned = self.reckoned.try_get_with(window, async {
            let _permit = self.gate.enter().await?;
            self.reckon(window).await
        });
        reckoned.await.map_err(shared)
    }

    /// Reckons a list and puts it into Redis, where that answers.
    async fn reckon(&self, window: Window) -> Result<List> {
        let now = (self.clock.unix() / 3600) as i32;
        let scored = views::popular(&self.db, now, now - window.hours(), PLACES).await?;
        if let Some(redis) = &self.redis
            && let Err(error) = self.put(redis, window, &scored).await
        {
            tracing::debug!(%error, "a popular list is not in redis");
        }
        Ok(Arc::new(scored.into_iter().map(|(id, _)| id).collect()))
    }

    async fn put(&self, redis: &Redis, window: Window, scored: &[(i64, f64)]) -> Result<(), Away> {
        let name = list_key(redis, window);
        let mut put = pipe();
        put.atomic().cmd("DEL").arg(&name).ignore();
        let members: Vec<(f64, i64)> =
            scored.iter().map(|(id, score)| (*score, *id)).chain(std::iter::once(MARK)).collect();
        put.cmd("ZADD").arg(&name).arg(members).ignore();
        put.cmd("EXPIRE").arg(&name).arg((self.every * LIVES).as_secs().max(1)).ignore();
        redis.run_all(&put).await
    }

    /// Reckons all lists anew: one replica's job where there is Redis.
    pub async fn refresh(&self) -> Result<()> {
        if self.redis.is_none() {
            return Ok(());
        }
        for window in Window::ALL {
            self.reckon(window).await?;
        }
        Ok(())
    }

    /// These may not be seen any more.
    pub async fn forget(&self, gone: &[i64]) {
        if gone.is_empty() {
            return;
        }
        for cache in [&self.shown, &self.reckoned] {
            for window in Window::ALL {
                if let Some(list) = cache.get(&window).await
                    && list.iter().any(|id| gone.contains(id))
                {
                    let rest = list.iter().copied().filter(|id| !gone.contains(id)).collect();
                    cache.insert(window, Arc::new(rest)).await;
                }
            }
        }
    }
}

fn shared(error: Arc<Error>) -> Error {
    Arc::try_unwrap(error).unwrap_or_else(|error| Error::new(error.reason, error.message()))
}

impl App {
    /// A page of what is popular, and how many there are.
    pub async fn popular(&self, window: Window, page: Page) -> Result<(Vec<Arc<Card>>, usize)> {
        let list = self.popular.list(window).await?;
        let total = list.len().min(CAP as usize);
        let (from, to) = ((page.offset as usize).min(total), (page.end() as usize).min(total));
        Ok((self.shelf.public(&list[from..to]).await?, total))
    }

    /// Something to show where nothing was found: what is popular, else what is
    /// new.
    pub async fn popular_or_new(&self, limit: usize) -> Result<Vec<Arc<Card>>> {
        let mut ids: Vec<i64> = self.popular.list(Window::Week).await?.iter().copied().take(limit).collect();
        if ids.len() < limit {
            let newest = self.popular.newest(limit).await?;
            let others = newest.iter().copied().filter(|id| !ids.contains(id)).take(limit - ids.len());
            ids.extend(others.collect::<Vec<_>>());
        }
        self.shelf.public(&ids).await
    }
}
