//! The admin service, a peer on the event bus, and clients of every role.

use fenz_admin::Admin;
use fenz_contract::events::v1::{UserDeleted, UserErased, UserModerated};
use fenz_core::Role;
use fenz_events::Event;
use fenz_testkit::{Client, Database, EventStub, Reply, Sandbox, eventually};
use serde_json::{Value, json};

use crate::fake_services::{FakeServices, serve};

pub const ADMIN: i64 = 1;
pub const MODERATOR: i64 = 2;
pub const USER: i64 = 11;
pub const OTHER: i64 = 12;
pub const OWNER: i64 = 21;

pub struct Fleet {
    pub sandbox: Sandbox,
    pub services: FakeServices,
    pub events: EventStub,
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
        let events = EventStub::default().recording::<UserModerated>().recording::<UserDeleted>();
        let events = events.recording::<UserErased>().start(&mut sandbox).await;
        Self { sandbox, services, events }
    }

    /// A client of a user, whose id determines the role; 0 is anonymous.
    pub fn client(&self, user: i64) -> Client {
        let role = match user {
            ADMIN => Role::Admin,
            MODERATOR..10 => Role::Moderator,
            _ => Role::User,
        };
        self.sandbox.client_as("admin", user, role)
    }

    pub async fn report(&self, kind: &str, id: i64, user: i64) -> Reply {
        let body = json!({"objectType": kind, "objectId": id.to_string(), "reason": "spam", "text": "look"});
        self.client(user).post("reports", &body).await
    }

    /// Waits until at least this number of events of a type has arrived; returns them.
    pub async fn wait_for_events<E: Event + Clone>(&self, count: usize) -> Vec<E> {
        eventually(async || self.events.all::<E>().len() >= count).await;
        self.events.all()
    }

    /// Waits until the audit log has this number of matching entries; returns them.
    pub async fn audit(&self, query: &str, count: usize) -> Vec<Value> {
        let path = format!("admin/audit-logs?pageSize=100&{query}");
        let entries = async || self.client(ADMIN).get(&path).await.ok("entries").as_array().expect("a list").clone();
        eventually(async || entries().await.len() == count).await;
        entries().await
    }

    /// Waits until an erasure has the status.
    pub async fn wait_for_erasure(&self, id: i64, status: &str) -> Value {
        let path = format!("admin/erasures/{id}");
        let erasure = async || self.client(ADMIN).get(&path).await.body["erasure"].clone();
        eventually(async || erasure().await["status"] == status).await;
        erasure().await
    }
}
