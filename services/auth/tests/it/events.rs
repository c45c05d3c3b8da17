//! The events that auth publishes, as JSON.

use fenz_contract::events::v1::{
    AuditRecorded, GuestJoined, SessionsEnded, UserDeleted, UserErased, UserModerated, UserRegistered, UserUpdated,
};
use fenz_events::Event;
use fenz_testkit::{EventStub, Sandbox, eventually};
use serde::Serialize;
use serde_json::Value;

#[derive(Default)]
pub struct Events(EventStub);

impl Events {
    pub async fn start(sandbox: &mut Sandbox) -> Self {
        let stub = EventStub::default().recording::<UserRegistered>().recording::<UserUpdated>();
        let stub = stub.recording::<UserDeleted>().recording::<UserErased>().recording::<UserModerated>();
        let stub = stub.recording::<SessionsEnded>().recording::<GuestJoined>().recording::<AuditRecorded>();
        Self(stub.start(sandbox).await)
    }

    /// The events of a type so far.
    pub fn all<E: Event + Clone + Serialize>(&self) -> Vec<Value> {
        self.0.all::<E>().iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    /// Waits for an event with a field of this value; returns the last one.
    pub async fn wait_for<E: Event + Clone + Serialize>(&self, field: &str, value: impl Into<Value>) -> Value {
        let value = value.into();
        let find = || self.all::<E>().into_iter().rfind(|event| event[field] == value);
        eventually(async || find().is_some()).await;
        find().unwrap()
    }

    /// Waits for an audit entry; returns it with its parsed `before` and `after`.
    pub async fn audit(&self, action: &str) -> (Value, Value, Value) {
        let entry = self.wait_for::<AuditRecorded>("action", action).await;
        let json = |name: &str| serde_json::from_str(entry[name].as_str().unwrap_or_default()).unwrap_or_default();
        (entry.clone(), json("before"), json("after"))
    }

    /// The number of audit entries of an action.
    pub fn audits(&self, action: &str) -> usize {
        self.all::<AuditRecorded>().iter().filter(|entry| entry["action"] == action).count()
    }

    /// Publishes an event of another service.
    pub async fn publish<E: Event>(&self, event: E) {
        self.0.publish(event).await;
    }
}
