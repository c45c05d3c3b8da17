//! Stands where another service is: tells what others would, and hears what
//! content tells.

use std::sync::{Arc, Mutex};

use fenz_chassis::{Needs, Platform, Service, Surface};
use fenz_contract::events::v1::{
    AuditRecorded, UserErased, UserModerated, VideoChanged, VideoDeleted, VideoUpdate, VideosImported, ViewsCounted,
};
use fenz_events::{Consumer, Event, Outbox, Received};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::Value;

pub struct Neighbour;

type List<E> = Arc<Mutex<Vec<E>>>;

/// What the neighbour has to tell with, and what it has heard.
#[derive(Clone, Default)]
pub struct Heard {
    outbox: Arc<Mutex<Option<Outbox>>>,
    pub changed: List<VideoChanged>,
    pub deleted: List<VideoDeleted>,
    pub updated: List<VideoUpdate>,
    pub moderated: List<UserModerated>,
    pub audited: List<AuditRecorded>,
    pub erased: List<UserErased>,
    pub views: List<ViewsCounted>,
}

impl Heard {
    pub async fn tell<E: Event + Clone + Send + Sync>(&self, event: E) {
        let outbox = self.outbox.lock().expect("no panic before").clone().expect("the neighbour runs");
        let (outbox, event) = (&outbox, &event);
        outbox.transact(|txn| async move { outbox.emit(&txn, event).await }).await.expect("told");
    }

    /// The last that was told of a video.
    pub fn last(&self, video: i64) -> Option<VideoChanged> {
        let changed = self.changed.lock().expect("no panic before");
        changed.iter().filter(|e| e.video_id == video).max_by_key(|e| e.version).cloned()
    }

    pub fn is_deleted(&self, video: i64) -> bool {
        self.deleted.lock().expect("no panic before").iter().any(|e| e.video_id == video)
    }

    /// What content has reported of its erasures.
    pub fn reports(&self) -> Vec<UserErased> {
        let erased = self.erased.lock().expect("no panic before");
        erased.iter().filter(|report| report.service == "content").cloned().collect()
    }

    /// The actions that were told, in their order.
    pub fn actions(&self) -> Vec<String> {
        let mut acts = self.audited.lock().expect("no panic before").clone();
        acts.sort_by_key(|act| act.occurred_at.as_ref().map(|at| (at.seconds, at.nanos)));
        acts.into_iter().map(|act| act.action).collect()
    }
}

fn keep<E: Event + Send>(
    list: &List<E>,
) -> impl Fn(fenz_chassis::database::Txn, Received<E>) -> std::future::Ready<Result<(), fenz_events::Refusal>>
+ Send
+ Sync
+ 'static {
    let list = list.clone();
    move |_, received| {
        list.lock().expect("no panic before").push(received.event);
        std::future::ready(Ok(()))
    }
}

/// Imported videos come many in one event.
fn keep_each(
    list: &List<VideoChanged>,
) -> impl Fn(fenz_chassis::database::Txn, Received<VideosImported>) -> std::future::Ready<Result<(), fenz_events::Refusal>>
+ Send
+ Sync
+ 'static {
    let list = list.clone();
    move |_, received| {
        list.lock().expect("no panic before").extend(received.event.videos);
        std::future::ready(Ok(()))
    }
}

pub struct Tables;

impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        fenz_events::migrations()
    }
}

impl Service for Neighbour {
    const NAME: &'static str = "notification";
    const PORT: u16 = 0;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: false };
    type Config = serde_json::Map<String, Value>;
    type Migrator = Tables;

    async fn build(platform: Platform, _: Self::Config) -> anyhow::Result<Surface> {
        let heard: Heard = platform.shared.get();
        *heard.outbox.lock().expect("no panic before") = Some(Outbox::start(&platform).await?);
        Consumer::new()
            .on(keep(&heard.changed))
            .on(keep_each(&heard.changed))
            .on(keep(&heard.deleted))
            .on(keep(&heard.updated))
            .on(keep(&heard.moderated))
            .on(keep(&heard.audited))
            .on(keep(&heard.erased))
            .on(keep(&heard.views))
            .start(&platform)
            .await?;
        Ok(Surface::default())
    }

    fn listen(_: &Self::Config) -> Option<std::net::SocketAddr> {
        None
    }
}
