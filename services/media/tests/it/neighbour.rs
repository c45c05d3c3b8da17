//! A service that stands where another is: tells what content, channel and auth
//! would, and hears what media reports.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use fenz_chassis::{Needs, Platform, Service, Surface};
use fenz_contract::events::v1::UserErased;
use fenz_events::{Consumer, Event, Outbox, Received};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::Value;

pub struct Neighbour;

/// What it tells with, and what it has heard.
#[derive(Clone, Default)]
pub struct Heard {
    outbox: Arc<Mutex<Option<Outbox>>>,
    pub erased: Arc<Mutex<Vec<UserErased>>>,
}

impl Heard {
    /// Tells an event.
    pub async fn tell<E: Event + Clone + Send + Sync>(&self, event: E) {
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

impl Service for Neighbour {
    const NAME: &'static str = "content";
    const PORT: u16 = 0;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: false };
    type Config = serde_json::Map<String, Value>;
    type Migrator = Tables;

    async fn build(platform: Platform, _: Self::Config) -> anyhow::Result<Surface> {
        let heard: Heard = platform.shared.get();
        *heard.outbox.lock().unwrap() = Some(Outbox::start(&platform).await?);
        let erased = heard.erased;
        Consumer::new()
            .on(move |_, received: Received<UserErased>| {
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
