//! A service that records the events that auth publishes.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_chassis::{Endpoints, Platform, Service};
use fenz_contract::events::v1 as pb;
use fenz_events::{Consumer, Outbox, ReceivedEvent};
use serde_json::Value;

/// Takes the place of the admin service.
pub struct RecordingService;

/// The recorded events with the last part of their subject. Clones share them.
#[derive(Clone, Default)]
pub struct EventRecorder {
    recorded: Arc<Mutex<Vec<(String, Value)>>>,
    ids: Arc<Mutex<HashSet<String>>>,
    outbox: Arc<Mutex<Option<Outbox>>>,
}

impl EventRecorder {
    /// The events of a kind so far, such as `updated`.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        let recorded = self.recorded.lock().unwrap();
        recorded.iter().filter(|(other, _)| other == kind).map(|(_, event)| event.clone()).collect()
    }

    /// Waits for an event with a field of this value; returns the last one.
    pub async fn wait_for(&self, kind: &str, field: &str, value: impl Into<Value>) -> Value {
        let value = value.into();
        for _ in 0..400 {
            if let Some(event) = self.all(kind).into_iter().rfind(|event| event[field] == value) {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no {kind} with {field} {value}; there are {:?}", self.recorded.lock().unwrap());
    }

    /// Waits for an audit entry; returns it with its parsed `before` and `after`.
    pub async fn audit(&self, action: &str) -> (Value, Value, Value) {
        let entry = self.wait_for("recorded", "action", action).await;
        let json = |name: &str| serde_json::from_str(entry[name].as_str().unwrap_or_default()).unwrap_or_default();
        (entry.clone(), json("before"), json("after"))
    }

    /// The number of audit entries of an action.
    pub fn audits(&self, action: &str) -> usize {
        self.all("recorded").iter().filter(|entry| entry["action"] == action).count()
    }

    /// Publishes an event as the admin service.
    pub async fn publish(&self, event: &pb::UserDeleted) {
        let outbox = self.outbox.lock().unwrap().clone().unwrap();
        outbox
            .transact(|txn| {
                let outbox = outbox.clone();
                async move { outbox.emit(&txn, event).await }
            })
            .await
            .unwrap();
    }

    fn record<E: serde::Serialize>(&self, received: &ReceivedEvent<E>) {
        // A handler may run again when its transaction failed.
        if self.ids.lock().unwrap().insert(received.id.clone()) {
            let kind = received.subject.rsplit('.').next().unwrap_or_default().to_owned();
            self.recorded.lock().unwrap().push((kind, serde_json::to_value(&received.event).unwrap()));
        }
    }
}

macro_rules! record_events {
    ($events:ident, $consumer:expr, $($event:ident)*) => {
        $consumer$(.on({
            let events = $events.clone();
            move |_, received: ReceivedEvent<pb::$event>| {
                events.record(&received);
                async { Ok(()) }
            }
        }))*
    };
}

impl Service for RecordingService {
    const NAME: &'static str = "admin";
    const PORT: u16 = 0;
    type Config = serde_json::Map<String, Value>;
    type Requirements = (fenz_events::Database<fenz_database::NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        let events: EventRecorder = platform.shared.get();
        *events.outbox.lock().unwrap() = Some(Outbox::start(&platform, &db).await?);
        let consumer = record_events!(
            events, Consumer::new(),
            UserRegistered UserUpdated UserDeleted UserErased UserModerated SessionsEnded GuestJoined AuditRecorded
        );
        consumer.start(&platform, &db).await?;
        Ok(Endpoints::default())
    }
}
