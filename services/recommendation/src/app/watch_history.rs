//! Recently watched videos of users, from content; empty while content does not
//! answer.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use fenz_chassis::peers::PeerChannel;
use fenz_contract::content::v1::{
    ListWatchedRequest, video_catalog_service_client::VideoCatalogServiceClient as Client,
};
use fenz_core::{UserId, VideoId};
use moka::future::Cache;

/// Videos per user.
const LIMIT: i32 = 1_000;
const TTL: Duration = Duration::from_secs(60);
/// How long a failure is cached.
const FAILURE_TTL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_millis(500);
const MAX_USERS: u64 = 10_000;

#[derive(Clone)]
struct Entry {
    ids: Arc<HashSet<VideoId>>,
    expires: Instant,
}

pub struct WatchHistory {
    content: Option<Client<PeerChannel>>,
    entries: Cache<UserId, Entry>,
}

impl WatchHistory {
    pub fn new(content: Option<PeerChannel>) -> Self {
        Self {
            content: content.map(Client::new),
            entries: Cache::builder().max_capacity(MAX_USERS).time_to_live(TTL).build(),
        }
    }

    pub async fn get(&self, user: UserId) -> Arc<HashSet<VideoId>> {
        let Some(content) = &self.content else { return Arc::default() };
        if self.entries.get(&user).await.is_some_and(|entry| entry.expires <= Instant::now()) {
            self.entries.invalidate(&user).await;
        }
        self.entries.get_with(user, fetch(content.clone(), user)).await.ids
    }
}

async fn fetch(mut content: Client<PeerChannel>, user: UserId) -> Entry {
    let request = ListWatchedRequest { user_id: user.0, limit: Some(LIMIT) };
    let error = match tokio::time::timeout(TIMEOUT, content.list_watched(request)).await {
        Ok(Ok(reply)) => {
            let ids = reply.into_inner().video_ids.into_iter().map(VideoId).collect();
            return Entry { ids: Arc::new(ids), expires: Instant::now() + TTL };
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "timed out".to_owned(),
    };
    tracing::warn!(user.id = %user, error, "watch history unavailable; recommending without it");
    Entry { ids: Arc::default(), expires: Instant::now() + FAILURE_TTL }
}
