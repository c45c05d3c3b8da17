//! What users watched of late, as content tells it; without it where content
//! does not answer.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use fenz_chassis::peers::PeerChannel;
use fenz_contract::content::v1::{
    ListWatchedRequest, video_catalog_service_client::VideoCatalogServiceClient as Client,
};
use moka::future::Cache;

/// Videos that are asked for.
const LIMIT: i32 = 1_000;
const FOR: Duration = Duration::from_secs(60);
/// How long content is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_millis(500);
const USERS: u64 = 10_000;

#[derive(Clone)]
struct Known {
    ids: Arc<HashSet<i64>>,
    until: Instant,
}

pub struct Watched {
    content: Option<Client<PeerChannel>>,
    known: Cache<i64, Known>,
}

impl Watched {
    pub fn new(content: Option<PeerChannel>) -> Self {
        Self {
            content: content.map(Client::new),
            known: Cache::builder().max_capacity(USERS).time_to_live(FOR).build(),
        }
    }

    pub async fn of(&self, user: i64) -> Arc<HashSet<i64>> {
        let Some(content) = &self.content else { return Arc::default() };
        let old = |known: &Known| known.until <= Instant::now();
        if self.known.get(&user).await.is_some_and(|known| old(&known)) {
            self.known.invalidate(&user).await;
        }
        self.known.get_with(user, ask(content.clone(), user)).await.ids
    }
}

async fn ask(mut content: Client<PeerChannel>, user: i64) -> Known {
    let request = ListWatchedRequest { user_id: user, limit: Some(LIMIT) };
    match tokio::time::timeout(PATIENCE, content.list_watched(request)).await {
        Ok(Ok(reply)) => {
            let ids = reply.into_inner().video_ids.into_iter().collect();
            Known { ids: Arc::new(ids), until: Instant::now() + FOR }
        }
        Ok(Err(error)) => without(user, &error.to_string()),
        Err(_) => without(user, "took too long"),
    }
}

fn without(user: i64, error: &str) -> Known {
    tracing::warn!(user.id = user, error, "what was watched is not known; going on without it");
    Known { ids: Arc::default(), until: Instant::now() + PAUSE }
}
