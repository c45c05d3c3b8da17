//! Runs the service with stubs of the others, and calls it.

use std::time::Duration;

use fenz_chassis::{Process, Service};
use fenz_contract::events::v1::{AuditRecorded, TagChanged, TagDeleted, UserErased, UserRegistered, VideoChanged};
use fenz_core::Role;
use fenz_recommendation::{DatabaseReads, Recommendations};
use fenz_testkit::{Client, Database, EventStub, Redis, Reply, Sandbox, eventually};
use serde_json::json;

use crate::catalogs::Catalogs;

pub const OWNER: i64 = 7;
pub const CHANNEL: i64 = 7;

/// Where sets and summaries are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    Memory,
    Redis,
}

/// Each available database, with and without Redis.
pub fn all_backends() -> Vec<(Database, Cache)> {
    let mut all: Vec<_> = Database::available().into_iter().map(|database| (database, Cache::Memory)).collect();
    if fenz_testkit::Server::Redis.url().is_some() {
        all.extend(Database::available().into_iter().map(|database| (database, Cache::Redis)));
    }
    all
}

pub struct Harness {
    pub sandbox: Sandbox,
    /// The other services on the bus.
    pub events: EventStub,
    pub catalogs: Catalogs,
}

impl Harness {
    pub async fn start(database: Database, cache: Cache) -> Self {
        match cache {
            Cache::Memory => Self::start_with(database, &[]).await,
            Cache::Redis => {
                let url = fenz_testkit::Server::Redis.url().unwrap();
                let prefix = Redis::prefix();
                // After a timeout the database is read, which a busy machine must not cause.
                let settings = [("redis.url", url.as_str()), ("redis.prefix", &prefix), ("redis.timeout", "10s")];
                Self::start_with(database, &settings).await
            }
        }
    }

    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        sandbox.set("recommendation.popular_every", "50ms").unwrap();
        for (key, value) in settings {
            sandbox.set(key, value).unwrap();
        }
        let catalogs = Catalogs::default();
        catalogs.serve(&mut sandbox);
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<Recommendations>().await.unwrap();
        let events = EventStub::default().recording::<TagChanged>().recording::<TagDeleted>();
        let events = events.recording::<AuditRecorded>().recording::<UserErased>().start(&mut sandbox).await;
        Self { sandbox, events, catalogs }
    }

    /// Runs the rebuild command.
    pub async fn rebuild(&self) -> String {
        let process = Process::default();
        let (settings, _) = self.sandbox.settings::<Recommendations>().unwrap();
        let (platform, (db, ..)) = fenz_chassis::connect::<Recommendations>(settings, &process).await.unwrap();
        let rebuilt = fenz_recommendation::rebuild_on(&platform, &db).await.unwrap();
        process.stop.cancel();
        // An event wakes the service, which does not see what another process writes to SQLite.
        self.events.publish(UserRegistered::default()).await;
        rebuilt
    }

    /// Rows of the service's database.
    pub async fn count(&self, table: &str) -> i64 {
        self.sandbox.count(Recommendations::NAME, table).await
    }

    /// Waits until this many videos have a version, and Redis and the replica have caught up.
    pub async fn wait_projected(&self, count: i64, version: i64) {
        eventually(async || self.count(&format!("videos WHERE version = {version}")).await == count).await;
        eventually(async || self.count("evictions").await == 0).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }

    /// Rebuilds from a catalogue of this many public videos.
    pub async fn fill(&self, count: i64, tags: impl Fn(i64) -> Vec<i64>) {
        let videos = (1..=count).map(|id| VideoChanged { tag_ids: tags(id), ..video(id, 1) }).collect();
        *self.catalogs.videos.lock().unwrap() = videos;
        self.rebuild().await;
        eventually(async || self.total("videos/recommended").await == count.min(500)).await;
    }

    pub fn reads(&self) -> u64 {
        self.sandbox.process.shared.get::<DatabaseReads>().count()
    }

    /// A client of the service; 0 is anonymous.
    pub fn client(&self, user: i64) -> Client {
        self.sandbox.client(Recommendations::NAME, user)
    }

    pub fn admin(&self) -> Client {
        self.sandbox.client_as(Recommendations::NAME, 99, Role::Admin)
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        self.client(user).get(path).await
    }

    pub async fn total(&self, path: &str) -> i64 {
        self.get(path, 0).await.number("total")
    }

    pub async fn tag(&self, name: &str) -> i64 {
        let body = json!({"name": name, "slug": name.to_lowercase()});
        self.admin().post("admin/tags", &body).await.id("tag")
    }
}

/// A public video.
pub fn video(id: i64, version: i64) -> VideoChanged {
    VideoChanged {
        video_id: id,
        channel_id: CHANNEL,
        owner_id: OWNER,
        title: format!("影片 {id}"),
        description: "what it is about".to_owned(),
        is_published: true,
        version,
        published_at: Some(pbjson_types::Timestamp { seconds: 1_700_000_000 + id, nanos: 0 }),
        created_at: Some(pbjson_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        duration_seconds: 60,
        thumbnail_upload_id: 5,
        ..VideoChanged::default()
    }
}
