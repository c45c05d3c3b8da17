//! A stub service that publishes the events of content, channel and auth, and captures
//! those of media.

use std::sync::{Arc, Mutex};

use fenz_chassis::{Endpoints, Platform, Service};
use fenz_contract::events::v1::UserErased;
use fenz_events::{Consumer, Event, Outbox, ReceivedEvent};
use serde_json::Value;

pub struct StubService;

/// The stub's outbox and the events it has consumed.
#[derive(Clone, Default)]
pub struct CapturedEvents {
    outbox: Arc<Mutex<Option<Outbox>>>,
    pub erased: Arc<Mutex<Vec<UserErased>>>,
}

impl CapturedEvents {
    pub async fn publish<E: Event + Clone + Send + Sync>(&self, event: E) {
        let outbox = self.outbox.lock().unwrap().clone().unwrap();
        let (outbox, event) = (&outbox, &event);
        outbox.transact(|txn| async move { outbox.emit(&txn, event).await }).await.unwrap();
    }
}

impl Service for StubService {
    const NAME: &'static str = "content";
    const PORT: u16 = 0;
    type Config = serde_json::Map<String, Value>;
    type Requirements = (fenz_events::Database<fenz_database::NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        let captured: CapturedEvents = platform.shared.get();
        *captured.outbox.lock().unwrap() = Some(Outbox::start(&platform, &db).await?);
        let erased = captured.erased;
        Consumer::new()
            .on(move |_, received: ReceivedEvent<UserErased>| {
                erased.lock().unwrap().push(received.event);
                async { Ok(()) }
            })
            .start(&platform, &db)
            .await?;
        Ok(Endpoints::default())
    }
}
