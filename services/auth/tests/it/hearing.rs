//! A service that hears what auth tells.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_chassis::{Needs, Platform, Service, Surface};
use fenz_contract::events::v1 as pb;
use fenz_events::{Consumer, Outbox, Received};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::Value;

/// Stands where the admin service is.
pub struct Neighbour;

/// What it has heard: what happened, and the event. Clones are the same.
#[derive(Clone, Default)]
pub struct Ear {
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    ids: Arc<Mutex<HashSet<String>>>,
    outbox: Arc<Mutex<Option<Outbox>>>,
}

impl Ear {
    /// Everything of a kind so far, `updated` say.
    pub fn all(&self, what: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(kind, _)| kind == what).map(|(_, event)| event.clone()).collect()
    }

    /// Waits for one that has the field so, and gives the last such.
    pub async fn of(&self, what: &str, field: &str, value: impl Into<Value>) -> Value {
        let value = value.into();
        for _ in 0..400 {
            if let Some(event) = self.all(what).into_iter().rfind(|event| event[field] == value) {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no {what} with {field} {value}; there are {:?}", self.heard.lock().unwrap());
    }

    /// Waits for an entry of the audit log, and gives it with what was before
    /// and after.
    pub async fn audit(&self, action: &str) -> (Value, Value, Value) {
        let entry = self.of("recorded", "action", action).await;
        let json = |name: &str| serde_json::from_str(entry[name].as_str().unwrap_or_default()).unwrap_or_default();
        (entry.clone(), json("before"), json("after"))
    }

    /// How many entries of the audit log there are of an action.
    pub fn audits(&self, action: &str) -> usize {
        self.all("recorded").iter().filter(|entry| entry["action"] == action).count()
    }

    /// Tells what the admin service would.
    pub async fn tell(&self, event: &pb::UserDeleted) {
        let outbox = self.outbox.lock().unwrap().clone().unwrap();
        outbox
            .transact(|txn| {
                let outbox = outbox.clone();
                async move { outbox.emit(&txn, event).await }
            })
            .await
            .unwrap();
    }

    fn note<E: serde::Serialize>(&self, received: &Received<E>) {
        // A handler that lost a race runs again.
        if self.ids.lock().unwrap().insert(received.id.clone()) {
            let what = received.subject.rsplit('.').next().unwrap_or_default().to_owned();
            self.heard.lock().unwrap().push((what, serde_json::to_value(&received.event).unwrap()));
        }
    }
}

pub struct Tables;

impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        fenz_events::migrations()
    }
}

macro_rules! hears {
    ($ear:ident, $consumer:expr, $($event:ident)*) => {
        $consumer$(.on({
            let ear = $ear.clone();
            move |_, received: Received<pb::$event>| {
                ear.note(&received);
                async { Ok(()) }
            }
        }))*
    };
}

impl Service for Neighbour {
    const NAME: &'static str = "admin";
    const PORT: u16 = 0;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: false };
    type Config = serde_json::Map<String, Value>;
    type Migrator = Tables;

    async fn build(platform: Platform, _: Self::Config) -> anyhow::Result<Surface> {
        let ear: Ear = platform.shared.get();
        *ear.outbox.lock().unwrap() = Some(Outbox::start(&platform).await?);
        let consumer = hears!(
            ear, Consumer::new(),
            UserRegistered UserUpdated UserDeleted UserErased UserModerated SessionsEnded GuestJoined AuditRecorded
        );
        consumer.start(&platform).await?;
        Ok(Surface::default())
    }

    fn listen(_: &Self::Config) -> Option<SocketAddr> {
        None
    }
}
