//! A stub service that publishes the events of content, channel and auth, and captures
//! those of media.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use fenz_chassis::{Needs, Platform, Service, Surface};
use fenz_contract::events::v1::UserErased;
use fenz_events::{Consumer, Event, Outbox, ReceivedEvent};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
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

pub struct Tables;

impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        fenz_events::migrations()
    }
}

impl Service for StubService {
    const NAME: &'static str = "content";
    const PORT: u16 = 0;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: false };
    type Config = serde_json::Map<String, Value>;
    type Migrator = Tables;

    async fn build(platform: Platform, _: Self::Config) -> anyhow::Result<Surface> {
        let captured: CapturedEvents = platform.shared.get();
        *captured.outbox.lock().unwrap() = Some(Outbox::start(&platform).await?);
        let erased = captured.erased;
        Consumer::new()
            .on(move |_, received: ReceivedEvent<UserErased>| {
                erased.lock().unwrap().push(received.event);
                async { Ok(()) }
            })
            .start(&platform)
            .await?;
        Ok(Surface::default())
    }

    fn listen(_: &Self::Config) -> Option<SocketAddr> {
        None
    }
}
