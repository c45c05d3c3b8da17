//! The sets in memory, for where there is no Redis. A request samples them by
//! place; the table is read when a set is first asked for, and for changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fenz_chassis::Result;
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex as AsyncMutex;

use super::{Key, PAGE};
use crate::{
    app::gate::Gate,
    domain::{Listed, draw::Ids},
    store::{
        listing::{self, Cursor},
        sequence, videos,
    },
};

/// A set that nobody asked for so long is let go.
const IDLE: Duration = Duration::from_secs(600);
/// Changes that are read at a time.
const CHANGES: u64 = 500;

struct Set {
    ids: Ids,
    used: Instant,
}

pub struct Memory {
    db: DatabaseConnection,
    gate: Arc<Gate>,
    sets: Mutex<HashMap<Key, Set>>,
    /// How far all sets are up to date. Held while they are brought further.
    pub followed: AsyncMutex<Cursor>,
}

impl Memory {
    pub fn new(db: DatabaseConnection, gate: Arc<Gate>) -> Self {
        Self { db, gate, sets: Mutex::default(), followed: AsyncMutex::default() }
    }

    pub fn has(&self, key: Key) -> bool {
        self.lock().contains_key(&key)
    }

    /// Reads a set, unless it is there.
    pub async fn load(&self, key: Key) -> Result<()> {
        if self.has(key) {
            return Ok(());
        }
        let mut since = Cursor::behind(sequence::last(&self.db).await?);
        let mut ids = Vec::new();
        loop {
            let _permit = self.gate.enter().await?;
            let page = videos::public_ids(&self.db, key, ids.last().copied().unwrap_or_default(), PAGE).await?;
            let more = page.len() as u64 == PAGE;
            ids.extend(page);
            if !more {
                break;
            }
        }
        // What changed meanwhile; from here on the follower brings the rest.
        let _followed = self.followed.lock().await;
        loop {
            let changes = listing::changed_after(&self.db, since, CHANGES).await?;
            let Some(last) = changes.last() else { break };
            since = Cursor { seq: last.change_seq, video_id: last.video.id };
            if let Some(changed) = changed(&ids, key, &changes) {
                ids = changed;
            }
        }
        self.lock().insert(key, Set { ids: Arc::new(ids), used: Instant::now() });
        Ok(())
    }

    /// Applies changes to all sets. The caller holds `followed`.
    pub fn apply(&self, changes: &[Listed]) {
        let mut sets = self.lock();
        for (key, set) in sets.iter_mut() {
            if let Some(ids) = changed(&set.ids, *key, changes) {
                set.ids = Arc::new(ids);
            }
        }
    }

    /// Sets that were loaded; one that is not is empty.
    pub fn ids(&self, keys: &[Key]) -> Vec<Ids> {
        let mut sets = self.lock();
        let of = |key: &Key| {
            let set = sets.get_mut(key)?;
            set.used = Instant::now();
            Some(set.ids.clone())
        };
        keys.iter().map(of).map(Option::unwrap_or_default).collect()
    }

    /// Lets sets go that nobody asks for: Redis is back, or the tag is gone.
    pub fn let_go(&self) {
        self.lock().retain(|_, set| set.used.elapsed() < IDLE);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Set>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A set after changes; None where it stays the same.
fn changed(ids: &[i64], key: Key, changes: &[Listed]) -> Option<Vec<i64>> {
    let mut wanted: HashMap<i64, bool> = HashMap::new();
    for listed in changes {
        let has_tag = key.is_none_or(|tag| listed.video.tag_ids.contains(&tag.0));
        wanted.insert(listed.video.id, listed.is_public() && has_tag);
    }
    wanted.retain(|id, is_in| ids.binary_search(id).is_ok() != *is_in);
    if wanted.is_empty() {
        return None;
    }
    let mut after: Vec<i64> = ids.iter().copied().filter(|id| !wanted.contains_key(id)).collect();
    after.extend(wanted.into_iter().filter(|(_, is_in)| *is_in).map(|(id, _)| id));
    after.sort_unstable();
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{TagId, Video};

    fn listed(id: i64, tier: i32, tags: &[i64]) -> Listed {
        let video = Video { access_tier: tier, tag_ids: tags.to_vec(), ..Video::gone(id, 1) };
        Listed { video, channel_name: String::new(), views: 0, is_visible: true, change_seq: 1, stamp: 1 }
    }

    #[test]
    fn changes_add_and_take_away() {
        let changes = [listed(2, 0, &[7]), listed(3, 1, &[7]), listed(4, 0, &[]), listed(9, 0, &[7])];
        let tag = Some(TagId(7));
        assert_eq!(changed(&[1, 3, 4, 9], tag, &changes), Some(vec![1, 2, 9]));
        assert_eq!(changed(&[1, 3], None, &changes), Some(vec![1, 2, 4, 9]));
        assert_eq!(changed(&[2, 9], tag, &changes), None);
    }
}
