//! Runs the service with stubs of content and channel, and calls it.

use std::{collections::BTreeMap, time::Duration};

use fenz_chassis::{Platform, Process, Service, peers::PeerSettings};
use fenz_contract::events::v1::VideoChanged;
use fenz_core::Role;
use fenz_events::{Event, MailboxRegistry};
use fenz_recommendation::{DatabaseReads, Recommendations};
use fenz_testkit::{Database, Sandbox};
use reqwest::{Client, Method, RequestBuilder};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::stubs::{Recorded, StubPeers};

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
    pub recorded: Recorded,
    client: Client,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    pub fn reason(&self) -> &str {
        let details = self.body["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let info = details.iter().find(|d| d["@type"].as_str().is_some_and(|t| t.ends_with(".ErrorInfo")));
        info.and_then(|info| info["reason"].as_str()).unwrap_or_default()
    }

    #[track_caller]
    pub fn assert_error(&self, status: u16, reason: &str) -> &Self {
        assert_eq!((self.status, self.reason()), (status, reason), "{}", self.body);
        self
    }

    /// A field of a successful reply.
    #[track_caller]
    pub fn field(self, name: &str) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body[name].clone()
    }

    /// The ids of the videos in a reply.
    #[track_caller]
    pub fn ids(&self) -> Vec<i64> {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["videos"].as_array().unwrap().iter().map(|v| number(&v["id"])).collect()
    }

    #[track_caller]
    pub fn total(&self) -> i64 {
        number(&self.body["total"])
    }

    pub fn seed(&self) -> String {
        self.body["seed"].as_str().unwrap().to_owned()
    }
}

#[track_caller]
pub fn number(value: &Value) -> i64 {
    value.as_str().expect("int64 is a string in JSON").parse().unwrap()
}

/// A unique prefix of Redis keys.
pub fn prefix() -> String {
    format!("t{:016x}", rand::random::<u64>())
}

impl Harness {
    pub async fn start(database: Database, cache: Cache) -> Self {
        match cache {
            Cache::Memory => Self::start_with(database, &[]).await,
            Cache::Redis => {
                let url = fenz_testkit::Server::Redis.url().unwrap();
                Self::start_with(database, &[("redis.url", &url), ("redis.prefix", &prefix())]).await
            }
        }
    }

    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        sandbox.set("recommendation.popular_every", "50ms").unwrap();
        let index = sandbox.folder().join("search").display().to_string();
        sandbox.set("recommendation.index_dir", &index).unwrap();
        for (key, value) in settings {
            sandbox.set(key, value).unwrap();
        }
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<StubPeers>().await.unwrap();
        sandbox.start::<Recommendations>().await.unwrap();
        sandbox.process.shared.get::<MailboxRegistry>().open();
        let recorded = sandbox.process.shared.get();
        Self { sandbox, recorded, client: Client::new() }
    }

    /// Publishes an event as another service would.
    pub async fn publish<E: Event + Clone + Send + Sync>(&self, event: E) {
        self.publish_all(&[event]).await;
    }

    pub async fn publish_all<E: Event + Clone + Send + Sync>(&self, events: &[E]) {
        let outbox = self.recorded.outbox.lock().unwrap().clone().unwrap();
        let outbox = &outbox;
        let published = outbox.transact(|txn| async move {
            for event in events {
                outbox.emit(&txn, event).await?;
            }
            Ok(())
        });
        published.await.unwrap();
    }

    /// Connects the service's platform as a command does.
    async fn connect(&self) -> (Platform, <Recommendations as Service>::Requirements, Process) {
        let (mut settings, _) = self.sandbox.settings::<Recommendations>().unwrap();
        // The stub serves channel's catalog too.
        let peers = [("auth", "auth"), ("content", "content"), ("channel", "content")];
        let peers = peers.map(|(name, at)| (name.to_owned(), self.sandbox.url(at)));
        settings.peers = PeerSettings::try_from(BTreeMap::from(peers)).unwrap();
        let process = Process::default();
        let (platform, requirements) = fenz_chassis::connect::<Recommendations>(settings, &process).await.unwrap();
        (platform, requirements, process)
    }

    /// Runs the rebuild command.
    pub async fn rebuild(&self) -> String {
        let (platform, (db, ..), process) = self.connect().await;
        let rebuilt = fenz_recommendation::rebuild_on(&platform, &db).await.unwrap();
        process.stop.cancel();
        rebuilt
    }

    /// Counts rows of the service's database, by a table and condition.
    pub async fn row_counter(&self) -> impl AsyncFn(&str) -> i64 {
        let (_platform, (db, ..), _process) = self.connect().await;
        async move |table: &str| {
            let sql = format!("SELECT COUNT(*) AS n FROM {table}");
            let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
            row.unwrap().unwrap().try_get("", "n").unwrap()
        }
    }

    /// Waits until this many videos have a version and the replica has caught up.
    pub async fn wait_projected(&self, count: i64, version: i64) {
        let rows = self.row_counter().await;
        eventually(async || rows(&format!("videos WHERE version = {version}")).await == count).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }

    /// Runs the rebuild-index command.
    pub async fn rebuild_index(&self) {
        let (_platform, (db, ..), process) = self.connect().await;
        fenz_recommendation::rebuild_index_on(&db).await.unwrap();
        process.stop.cancel();
    }

    /// Rebuilds from a catalogue of this many public videos.
    pub async fn fill(&self, count: i64, tags: impl Fn(i64) -> Vec<i64>) {
        let videos = (1..=count).map(|id| VideoChanged { tag_ids: tags(id), ..video(id, 1) }).collect();
        *self.recorded.videos.lock().unwrap() = videos;
        self.rebuild().await;
        eventually(async || self.total("videos/recommended").await == count.min(500)).await;
    }

    pub fn reads(&self) -> u64 {
        self.sandbox.process.shared.get::<DatabaseReads>().count()
    }

    pub fn request(&self, method: Method, path: &str, user: i64, role: Role) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1/{path}", self.sandbox.url("recommendation")));
        if user == 0 { request } else { request.bearer_auth(self.sandbox.token(user, role)) }
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        send(self.request(Method::GET, path, user, Role::User)).await
    }

    pub async fn total(&self, path: &str) -> i64 {
        self.get(path, 0).await.total()
    }

    pub async fn put(&self, path: &str, body: &Value, user: i64) -> Reply {
        send(self.request(Method::PUT, path, user, Role::User).json(body)).await
    }

    pub async fn admin(&self, method: Method, path: &str, body: &Value) -> Reply {
        send(self.request(method, path, 99, Role::Admin).json(body)).await
    }

    pub async fn tag(&self, name: &str) -> i64 {
        let body = json!({"name": name, "slug": name.to_lowercase()});
        number(&self.admin(Method::POST, "admin/tags", &body).await.field("tag")["id"])
    }

    /// The ids of all pages of a feed.
    pub async fn whole_feed(&self, path: &str, size: usize) -> Vec<i64> {
        let first = self.get(&format!("{path}pageSize={size}"), 0).await;
        let (mut ids, seed) = (first.ids(), first.seed());
        for page in 2.. {
            let next = self.get(&format!("{path}pageSize={size}&page={page}&seed={seed}"), 0).await;
            assert_eq!((next.seed(), next.total()), (seed.clone(), first.total()));
            if next.ids().is_empty() {
                return ids;
            }
            ids.extend(next.ids());
        }
        unreachable!()
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

pub async fn send(request: RequestBuilder) -> Reply {
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    let text = reply.text().await.unwrap();
    Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Waits until a condition holds.
#[track_caller]
pub fn eventually(holds: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        for _ in 0..600 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("condition not met in time: {caller}");
    }
}
