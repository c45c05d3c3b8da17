//! The notification service, a service that publishes events, and a client.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use fenz_chassis::{Endpoints, Platform, Service};
use fenz_contract::events::v1::{MembershipChanged, NewVideo, SessionsEnded, UserErased};
use fenz_core::Role;
use fenz_events::{Consumer, Event, MailboxRegistry, Outbox, ReceivedEvent};
use fenz_notification::Notifications;
use fenz_testkit::{Database, Sandbox};
use reqwest::{Client, Method, RequestBuilder};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;

/// Publishes the events of content and channel that a test needs.
struct Publisher;

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct NoConfig {}

type SharedOutbox = Arc<OnceLock<Outbox>>;
/// The erasure reports of the service.
pub type Erased = Arc<Mutex<Vec<UserErased>>>;

impl Service for Publisher {
    const NAME: &'static str = "content";
    const PORT: u16 = 8002;
    type Config = NoConfig;
    type Requirements = (fenz_events::Database<fenz_database::NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: NoConfig) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        platform.shared.get::<SharedOutbox>().set(outbox).ok();
        let erased = platform.shared.get::<Erased>();
        Consumer::new()
            .on(move |_, received: ReceivedEvent<UserErased>| {
                erased.lock().expect("no panic before").push(received.event);
                async { Ok(()) }
            })
            .start(&platform, &db)
            .await?;
        Ok(Endpoints::default())
    }
}

pub struct Fleet {
    pub sandbox: Sandbox,
    client: Client,
    outbox: Outbox,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    #[track_caller]
    pub fn refused(&self, status: u16, reason: &str) {
        let details = self.body["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let reasons: Vec<_> = details.iter().filter_map(|detail| detail["reason"].as_str()).collect();
        assert_eq!((self.status, reasons.as_slice()), (status, &[reason][..]), "{}", self.body);
    }
}

impl Fleet {
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        for (key, value) in settings {
            sandbox.set(key, value).expect("a key");
        }
        sandbox.start_auth_stand_in().await.expect("auth");
        sandbox.start::<Notifications>().await.expect("notification");
        sandbox.start::<Publisher>().await.expect("a publisher");
        sandbox.process.shared.get::<MailboxRegistry>().open();
        let outbox = sandbox.process.shared.get::<SharedOutbox>().get().expect("it has started").clone();
        Self { sandbox, client: Client::new(), outbox }
    }

    /// A request as a user, anonymous with 0.
    pub fn request(&self, method: Method, path: &str, user: i64) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1/{path}", self.sandbox.url("notification")));
        if user == 0 { request } else { request.bearer_auth(self.sandbox.token(user, Role::User)) }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>, user: i64) -> Reply {
        let request = self.request(method, path, user);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let reply = request.send().await.expect("an answer");
        let status = reply.status().as_u16();
        let text = reply.text().await.expect("a body");
        Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        self.call(Method::GET, path, None, user).await
    }

    pub async fn put(&self, path: &str, body: Value, user: i64) -> Reply {
        self.call(Method::PUT, path, Some(body), user).await
    }

    pub async fn unread(&self, user: i64) -> i64 {
        let body = self.get("notifications/unread-count", user).await.ok();
        body["count"].as_str().expect("int64 is a string in JSON").parse().expect("a number")
    }

    /// The last position of the service's sequence.
    pub async fn position(&self) -> i64 {
        let url = self.sandbox.database_url("notification").expect("it runs");
        let db = sea_orm::Database::connect(url).await.expect("a connection");
        let last = Statement::from_string(db.get_database_backend(), "SELECT last FROM sequence");
        let row = db.query_one_raw(last).await.expect("an answer").expect("a row");
        db.close().await.expect("closed");
        row.try_get("", "last").expect("a number")
    }

    /// Waits until a user has this many unread notifications.
    pub async fn until_unread(&self, user: i64, count: i64) {
        for _ in 0..200 {
            if self.unread(user).await == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} unread, not {count}", self.unread(user).await);
    }

    pub async fn publish(&self, event: impl Event + Clone + Sync) {
        let outbox = &self.outbox;
        outbox
            .transact(|txn| {
                let event = event.clone();
                async move { outbox.emit(&txn, &event).await }
            })
            .await
            .expect("published");
    }

    pub async fn new_video(&self, channel: i64, video: i64, title: &str) {
        let occurred_at = Some(self.sandbox.process.clock.now().into());
        let title = title.to_owned();
        self.publish(NewVideo { channel_id: channel, video_id: video, title, occurred_at, ..NewVideo::default() })
            .await;
    }

    /// Begins or ends a membership.
    pub async fn membership(&self, user: i64, channel: i64, tier: i32, version: i64) {
        let occurred_at = Some(self.sandbox.process.clock.now().into());
        self.publish(MembershipChanged { user_id: user, channel_id: channel, tier, version, occurred_at }).await;
    }

    pub async fn end_sessions(&self, user: i64) {
        self.publish(SessionsEnded { user_id: user, ..SessionsEnded::default() }).await;
    }
}
