//! The admin service, a peer on the event bus, and clients of every role.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use fenz_admin::Admin;
use fenz_chassis::{Endpoints, Platform, Service};
use fenz_contract::events::v1::{UserDeleted, UserErased, UserModerated};
use fenz_core::Role;
use fenz_events::{Consumer, Event, MailboxRegistry, Outbox, ReceivedEvent};
use fenz_testkit::{Database, Sandbox};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::fake_services::{FakeServices, serve};

pub const ADMIN: i64 = 1;
pub const MODERATOR: i64 = 2;
pub const USER: i64 = 11;
pub const OTHER: i64 = 12;
pub const OWNER: i64 = 21;

/// Publishes the events of the other services and records those of admin.
struct EventPeer;

#[derive(Clone, Default)]
pub struct ReceivedEvents {
    outbox: Arc<OnceLock<Outbox>>,
    pub moderated: Arc<Mutex<Vec<UserModerated>>>,
    pub deleted: Arc<Mutex<Vec<UserDeleted>>>,
    pub erased: Arc<Mutex<Vec<UserErased>>>,
}

fn record_events<E: Event + Send>(
    list: Arc<Mutex<Vec<E>>>,
) -> impl Fn(fenz_database::Txn, ReceivedEvent<E>) -> std::future::Ready<Result<(), fenz_events::HandlerError>> {
    let ids = Mutex::new(HashSet::new());
    move |_, received| {
        // A handler may run again when its transaction failed.
        if ids.lock().expect("no panic before").insert(received.id) {
            list.lock().expect("no panic before").push(received.event);
        }
        std::future::ready(Ok(()))
    }
}

impl Service for EventPeer {
    const NAME: &'static str = "media";
    const PORT: u16 = 0;
    type Config = serde_json::Map<String, Value>;
    type Requirements = (fenz_events::Database<fenz_database::NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        let received: ReceivedEvents = platform.shared.get();
        received.outbox.set(Outbox::start(&platform, &db).await?).ok();
        Consumer::new()
            .on(record_events(received.moderated))
            .on(record_events(received.deleted))
            .on(record_events(received.erased))
            .start(&platform, &db)
            .await?;
        Ok(Endpoints::default())
    }
}

pub struct Fleet {
    pub sandbox: Sandbox,
    pub services: FakeServices,
    pub received: ReceivedEvents,
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
        details.iter().find_map(|detail| detail["reason"].as_str()).unwrap_or_default()
    }

    #[track_caller]
    pub fn refused(&self, status: u16, reason: &str) {
        assert_eq!((self.status, self.reason()), (status, reason), "{}", self.body);
    }

    /// Asserts success; returns a field of the body.
    #[track_caller]
    pub fn ok_field(self, name: &str) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body[name].clone()
    }
}

impl Fleet {
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        for (key, value) in settings {
            sandbox.set(key, value).expect("a key");
        }
        let services = FakeServices::default();
        serve(&mut sandbox, &services);
        sandbox.start::<Admin>().await.expect("admin");
        sandbox.start::<EventPeer>().await.expect("the event peer");
        sandbox.process.shared.get::<MailboxRegistry>().open();
        let received = sandbox.process.shared.get();
        Self { sandbox, services, received, client: Client::new() }
    }

    pub async fn publish<E: Event + Clone + Send + Sync>(&self, event: E) {
        let outbox = self.received.outbox.get().expect("the event peer runs");
        let event = &event;
        outbox.transact(|txn| async move { outbox.emit(&txn, event).await }).await.expect("published");
    }

    /// A token of a user, whose id determines the role.
    pub fn token(&self, user: i64) -> String {
        let role = match user {
            ADMIN => Role::Admin,
            MODERATOR..10 => Role::Moderator,
            _ => Role::User,
        };
        self.sandbox.token(user, role)
    }

    pub fn request(&self, method: Method, path: &str, user: i64) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1/{path}", self.sandbox.url("admin")));
        if user == 0 { request } else { request.bearer_auth(self.token(user)) }
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        send(self.request(Method::GET, path, user)).await
    }

    pub async fn put(&self, path: &str, body: Value, user: i64) -> Reply {
        send(self.request(Method::PUT, path, user).json(&body)).await
    }

    pub async fn report(&self, kind: &str, id: i64, user: i64) -> Reply {
        let body = json!({"objectType": kind, "objectId": id.to_string(), "reason": "spam", "text": "look"});
        send(self.request(Method::POST, "reports", user).json(&body)).await
    }

    /// Waits until the audit log has this number of matching entries; returns them.
    pub async fn audit(&self, query: &str, count: usize) -> Vec<Value> {
        let mut entries = Vec::new();
        for _ in 0..400 {
            let reply = self.get(&format!("admin/audit-logs?pageSize=100&{query}"), ADMIN).await;
            entries.clone_from(reply.ok_field("entries").as_array().expect("a list"));
            if entries.len() == count {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not {count} of {query}: {entries:#?}");
    }

    /// Waits until an erasure has the status.
    pub async fn wait_for_erasure(&self, id: i64, status: &str) -> Value {
        let mut erasure = Value::Null;
        for _ in 0..400 {
            let reply = self.get(&format!("admin/erasures/{id}"), ADMIN).await;
            if reply.status == 200 {
                erasure = reply.ok_field("erasure");
                if erasure["status"] == status {
                    return erasure;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not {status}: {erasure:#}");
    }
}

pub async fn send(request: RequestBuilder) -> Reply {
    let reply = request.send().await.expect("an answer");
    let status = reply.status().as_u16();
    let text = reply.text().await.expect("a body");
    Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Waits until at least this number of events has arrived; returns them.
pub async fn wait_for_events<E: Clone>(list: &Mutex<Vec<E>>, count: usize) -> Vec<E> {
    let now = || list.lock().expect("no panic before").clone();
    wait_until(|| now().len() >= count).await;
    now()
}

/// Waits until a condition holds.
#[track_caller]
pub fn wait_until(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        for _ in 0..400 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("timed out: {caller}");
    }
}
