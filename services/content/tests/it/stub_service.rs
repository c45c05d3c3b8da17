//! A stub for other services: publishes their events, and records those of content.

use std::sync::{Arc, Mutex};

use fenz_chassis::{Endpoints, Platform, Service};
use fenz_contract::events::v1::{
    AuditRecorded, UserErased, UserModerated, VideoChanged, VideoDeleted, VideoUpdate, VideosImported, ViewsCounted,
};
use fenz_events::{Consumer, Event, Outbox, ReceivedEvent};
use serde_json::Value;

pub struct StubService;

type List<E> = Arc<Mutex<Vec<E>>>;

/// The stub's outbox and the events it has received.
#[derive(Clone, Default)]
pub struct ReceivedEvents {
    outbox: Arc<Mutex<Option<Outbox>>>,
    pub changed: List<VideoChanged>,
    pub deleted: List<VideoDeleted>,
    pub updated: List<VideoUpdate>,
    pub moderated: List<UserModerated>,
    pub audited: List<AuditRecorded>,
    pub erased: List<UserErased>,
    pub views: List<ViewsCounted>,
}

impl ReceivedEvents {
    pub async fn emit<E: Event + Clone + Send + Sync>(&self, event: E) {
        let outbox = self.outbox.lock().expect("no panic before").clone().expect("the stub service runs");
        let (outbox, event) = (&outbox, &event);
        outbox.transact(|txn| async move { outbox.emit(&txn, event).await }).await.expect("emitted");
    }

    /// The latest state of a video.
    pub fn last(&self, video: i64) -> Option<VideoChanged> {
        let changed = self.changed.lock().expect("no panic before");
        changed.iter().filter(|e| e.video_id == video).max_by_key(|e| e.version).cloned()
    }

    pub fn is_deleted(&self, video: i64) -> bool {
        self.deleted.lock().expect("no panic before").iter().any(|e| e.video_id == video)
    }

    /// Content's erasure reports.
    pub fn reports(&self) -> Vec<UserErased> {
        let erased = self.erased.lock().expect("no panic before");
        erased.iter().filter(|report| report.service == "content").cloned().collect()
    }

    /// The audited actions, in order.
    pub fn actions(&self) -> Vec<String> {
        let mut acts = self.audited.lock().expect("no panic before").clone();
        acts.sort_by_key(|act| act.occurred_at.as_ref().map(|at| (at.seconds, at.nanos)));
        acts.into_iter().map(|act| act.action).collect()
    }
}

fn record<E: Event + Send>(
    list: &List<E>,
) -> impl Fn(fenz_database::Txn, ReceivedEvent<E>) -> std::future::Ready<Result<(), fenz_events::HandlerError>>
+ Send
+ Sync
+ 'static {
    let list = list.clone();
    move |_, received| {
        list.lock().expect("no panic before").push(received.event);
        std::future::ready(Ok(()))
    }
}

/// An import event has many videos.
fn record_each(
    list: &List<VideoChanged>,
) -> impl Fn(fenz_database::Txn, ReceivedEvent<VideosImported>) -> std::future::Ready<Result<(), fenz_events::HandlerError>>
+ Send
+ Sync
+ 'static {
    let list = list.clone();
    move |_, received| {
        list.lock().expect("no panic before").extend(received.event.videos);
        std::future::ready(Ok(()))
    }
}

impl Service for StubService {
    const NAME: &'static str = "notification";
    const PORT: u16 = 0;
    type Config = serde_json::Map<String, Value>;
    type Requirements = (fenz_events::Database<fenz_database::NoMigrations>,);

    async fn build(platform: Platform, (db,): Self::Requirements, _: Self::Config) -> anyhow::Result<Endpoints> {
        let received: ReceivedEvents = platform.shared.get();
        *received.outbox.lock().expect("no panic before") = Some(Outbox::start(&platform, &db).await?);
        Consumer::new()
            .on(record(&received.changed))
            .on(record_each(&received.changed))
            .on(record(&received.deleted))
            .on(record(&received.updated))
            .on(record(&received.moderated))
            .on(record(&received.audited))
            .on(record(&received.erased))
            .on(record(&received.views))
            .start(&platform, &db)
            .await?;
        Ok(Endpoints::default())
    }
}
