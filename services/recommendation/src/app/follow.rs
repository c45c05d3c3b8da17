//! Keeps what this replica has in memory true: follows the changes in their
//! order. Not by events: those go to one replica, and come before or after the
//! row that they are about.

use std::{sync::Arc, time::Duration};

use fenz_chassis::Result;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use super::{Sets, Shelf, popular::Popular};
use crate::store::{
    evictions,
    listing::{self, Cursor},
    sequence, views,
};

/// Changes that are read at a time.
const PAGE: u64 = 500;

pub struct Follower {
    db: DatabaseConnection,
    shelf: Arc<Shelf>,
    sets: Arc<Sets>,
    popular: Arc<Popular>,
    woken: Notify,
}

impl Follower {
    pub fn new(db: DatabaseConnection, shelf: Arc<Shelf>, sets: Arc<Sets>, popular: Arc<Popular>) -> Self {
        Self { db, shelf, sets, popular, woken: Notify::new() }
    }

    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Waits for the next look.
    pub async fn woken(&self, at_most: Duration) {
        if tokio::time::timeout(at_most, self.woken.notified()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Begins here: nothing is in memory that could be older. Redis may be
    /// behind by what it has not heard yet, so that is followed again.
    pub async fn begin(&self) -> Result<()> {
        let last = sequence::last(&self.db).await?;
        let unheard = evictions::first(&self.db, 1).await?;
        let from = unheard.first().map_or(last, |eviction| last.min(eviction.seq - 1));
        *self.sets.memory.followed.lock().await = Cursor::behind(from);
        Ok(())
    }

    /// Takes in what changed since the last look.
    pub async fn step(&self) -> Result<()> {
        let mut followed = self.sets.memory.followed.lock().await;
        let last = sequence::last(&self.db).await?;
        if last <= followed.seq {
            return Ok(());
        }
        let mut cursor = *followed;
        loop {
            let changes = listing::changed_after(&self.db, cursor, PAGE).await?;
            let Some(end) = changes.last() else { break };
            cursor = Cursor { seq: end.change_seq, video_id: end.video.id };
            self.sets.memory.apply(&changes);
            for listed in &changes {
                self.shelf.mark(listed.video.id, listed.stamp);
            }
            let gone: Vec<i64> = changes.iter().filter(|l| !l.is_public()).map(|l| l.video.id).collect();
            self.popular.forget(&gone).await;
        }
        let mut cursor = *followed;
        loop {
            let counted = views::changed_after(&self.db, cursor, PAGE).await?;
            let Some((end, _)) = counted.last() else { break };
            cursor = *end;
            for (at, _) in counted {
                self.shelf.mark(at.video_id, at.seq);
            }
        }
        *followed = Cursor::behind(last);
        Ok(())
    }

    /// Drops what nobody needs any more.
    pub fn tidy(&self) {
        self.sets.memory.let_go();
    }
}
