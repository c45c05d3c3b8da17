//! The sets in memory, for when Redis is unavailable. The table is read when a
//! set is first used, and for changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fenz_core::Result;
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex as AsyncMutex;

use super::{PAGE_SIZE, SetKey};
use crate::{
    app::read_limiter::ReadLimiter,
    domain::{ListedVideo, VideoId, sampling::Ids},
    store::{
        listing::{self, Cursor},
        sequence, videos,
    },
};

const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// Changes read per query.
const CHANGES_PAGE_SIZE: u64 = 500;

struct Set {
    ids: Ids,
    used: Instant,
}

pub struct MemorySets {
    db: DatabaseConnection,
    limiter: Arc<ReadLimiter>,
    sets: Mutex<HashMap<SetKey, Set>>,
    /// The position up to which all sets are current. Locked while changes are
    /// applied.
    pub position: AsyncMutex<Cursor>,
}

impl MemorySets {
    pub fn new(db: DatabaseConnection, limiter: Arc<ReadLimiter>) -> Self {
        Self { db, limiter, sets: Mutex::default(), position: AsyncMutex::new(Cursor::end_of(0)) }
    }

    pub fn contains(&self, key: SetKey) -> bool {
        self.lock().contains_key(&key)
    }

    /// Reads a set from the table, unless it was loaded.
    pub async fn load(&self, key: SetKey) -> Result<()> {
        if self.contains(key) {
            return Ok(());
        }
        let mut since = Cursor::end_of(sequence::last(&self.db).await?);
        let mut ids: Vec<VideoId> = Vec::new();
        loop {
            let _permit = self.limiter.acquire().await?;
            let page = videos::public_ids(&self.db, key, ids.last().copied().unwrap_or(VideoId(0)), PAGE_SIZE).await?;
            let is_full = page.len() as u64 == PAGE_SIZE;
            ids.extend(page);
            if !is_full {
                break;
            }
        }
        // Changes during the read; later ones are applied by `MemorySync`.
        let _position = self.position.lock().await;
        loop {
            let changes = listing::changed_after(&self.db, since, CHANGES_PAGE_SIZE).await?;
            let Some(last) = changes.last() else { break };
            since = Cursor { seq: last.change_seq, video_id: last.video.id };
            if let Some(changed) = apply_changes(&ids, key, &changes) {
                ids = changed;
            }
        }
        self.lock().insert(key, Set { ids: Arc::new(ids), used: Instant::now() });
        Ok(())
    }

    /// Applies changes to all sets. The caller locks `position`.
    pub fn apply(&self, changes: &[ListedVideo]) {
        let mut sets = self.lock();
        for (key, set) in sets.iter_mut() {
            if let Some(ids) = apply_changes(&set.ids, *key, changes) {
                set.ids = Arc::new(ids);
            }
        }
    }

    /// Loaded sets; empty ones for those that are not.
    pub fn get(&self, keys: &[SetKey]) -> Vec<Ids> {
        let mut sets = self.lock();
        let get = |key: &SetKey| {
            let set = sets.get_mut(key)?;
            set.used = Instant::now();
            Some(set.ids.clone())
        };
        keys.iter().map(get).map(Option::unwrap_or_default).collect()
    }

    /// Deletes unused sets: Redis is available again, or the tag was deleted.
    pub fn evict_idle(&self) {
        self.lock().retain(|_, set| set.used.elapsed() < IDLE_TIMEOUT);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SetKey, Set>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A set after changes; None if it stays the same.
fn apply_changes(ids: &[VideoId], key: SetKey, changes: &[ListedVideo]) -> Option<Vec<VideoId>> {
    let mut members: HashMap<VideoId, bool> = HashMap::new();
    for listed in changes {
        let has_tag = key.is_none_or(|tag| listed.video.tag_ids.contains(&tag));
        members.insert(listed.video.id, listed.is_public() && has_tag);
    }
    members.retain(|id, is_in| ids.binary_search(id).is_ok() != *is_in);
    if members.is_empty() {
        return None;
    }
    let mut after: Vec<VideoId> = ids.iter().copied().filter(|id| !members.contains_key(id)).collect();
    after.extend(members.into_iter().filter(|(_, is_in)| *is_in).map(|(id, _)| id));
    after.sort_unstable();
    Some(after)
}

#[cfg(test)]
mod tests {
    use fenz_core::Tier;

    use super::*;
    use crate::domain::{TagId, Video};

    fn listed(id: i64, tier: i32, tags: &[i64]) -> ListedVideo {
        let video = Video {
            access_tier: Tier::from_number(tier),
            tag_ids: tags.iter().copied().map(TagId).collect(),
            ..Video::tombstone(VideoId(id), 1)
        };
        ListedVideo { video, channel_name: String::new(), views: 0, is_visible: true, change_seq: 1, revision: 1 }
    }

    #[test]
    fn changes_add_and_remove_ids() {
        let changes = [listed(2, 0, &[7]), listed(3, 1, &[7]), listed(4, 0, &[]), listed(9, 0, &[7])];
        let tag = Some(TagId(7));
        let ids = |ids: &[i64]| -> Vec<VideoId> { ids.iter().copied().map(VideoId).collect() };
        assert_eq!(apply_changes(&ids(&[1, 3, 4, 9]), tag, &changes), Some(ids(&[1, 2, 9])));
        assert_eq!(apply_changes(&ids(&[1, 3]), None, &changes), Some(ids(&[1, 2, 4, 9])));
        assert_eq!(apply_changes(&ids(&[2, 9]), tag, &changes), None);
    }
}
