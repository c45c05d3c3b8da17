//! A media service per test, and short ways to call it.

use std::path::Path;

use fenz_chassis::{
    Secret,
    media_url::{Audience, MediaUrlSettings, MediaUrls},
    peers::PeerChannel,
};
use fenz_contract::{
    events::v1::{UploadProcessed, UserErased, VideoDeleted},
    media::v1::{
        ReleaseReservationRequest, ReserveUploadRequest, ReserveUploadResponse, UploadUse,
        upload_service_client::UploadServiceClient, upload_use::Object,
    },
};
use fenz_core::UploadId;
use fenz_events::Event;
use fenz_media::MediaService;
use fenz_testkit::{Client, Database, EventStub, Reply, STUB, Sandbox, eventually, free_address, id};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

pub const ALICE: i64 = 7;
pub const BOB: i64 = 8;
/// Kinds of uploads.
pub const VIDEO: &str = "video";
pub const THUMBNAIL: &str = "thumbnail";

pub struct Media {
    pub sandbox: Sandbox,
    /// Content, channel and auth on the bus.
    pub events: EventStub,
}

/// Runs a test on every available database.
pub async fn on_each<F: Future<Output = ()>>(settings: &[(&str, &str)], test: impl Fn(Media) -> F) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Media::start(database, settings).await).await;
    }
}

impl Media {
    pub async fn on_sqlite(settings: &[(&str, &str)]) -> Self {
        Self::start(Database::Sqlite, settings).await
    }

    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        sandbox.set("media.sweep_every", "100ms").unwrap();
        for (key, value) in settings {
            sandbox.set(key, value).unwrap();
        }
        sandbox.start_auth_stand_in().await.unwrap();
        // Who asks content is refused at once.
        sandbox.set("peers.content", &format!("http://{}", free_address())).unwrap();
        sandbox.start::<MediaService>().await.unwrap();
        let events =
            EventStub::default().recording::<UserErased>().recording::<UploadProcessed>().start(&mut sandbox).await;
        // Auth's keys are loaded.
        eventually(async || sandbox.process.readiness.problems().await.is_empty()).await;
        Self { sandbox, events }
    }

    /// A client of the service; 0 is anonymous.
    pub fn client(&self, user: i64) -> Client {
        self.sandbox.client("media", user)
    }

    /// Uploads a file and returns its id once it is processed.
    pub async fn uploaded(&self, user: i64, kind: &str, bytes: &[u8]) -> i64 {
        id(&self.processed(user, kind, bytes).await)
    }

    /// Uploads a file and returns the upload once it is processed.
    pub async fn processed(&self, user: i64, kind: &str, bytes: &[u8]) -> Value {
        self.client(user).processed_upload(kind, bytes).await
    }

    /// Publishes an event twice: delivery is at least once.
    pub async fn publish<E: Event + Clone>(&self, event: E) {
        self.events.publish(event.clone()).await;
        self.events.publish(event).await;
    }

    /// Waits until media has consumed all events.
    pub async fn events_consumed(&self) {
        // An event leaves the outbox after it is in the mailbox.
        eventually(async || self.sandbox.count(STUB, "outbox").await == 0).await;
        eventually(async || self.count("mailbox WHERE consumer = 'media'").await == 0).await;
    }

    /// A signed path, valid for so many seconds.
    pub fn signed(&self, audience: Audience, id: i64, seconds: i64) -> String {
        let keys = Secret::from("t1=a-secret-of-the-sandbox");
        let urls = MediaUrls::new(&MediaUrlSettings { keys }).unwrap();
        urls.sign_for(audience, UploadId(id), self.sandbox.process.clock.unix() + seconds)
    }

    /// A request for an upload with a public address.
    pub fn play(&self, id: i64) -> RequestBuilder {
        self.client(0).request(Method::GET, &self.signed(Audience::Everyone, id, 60))
    }

    /// The status for a public address.
    pub async fn status(&self, id: i64) -> u16 {
        self.client(0).status(&self.signed(Audience::Everyone, id, 60)).await
    }

    /// The status for an address signed for the owner.
    pub async fn status_for_insider(&self, id: i64) -> u16 {
        self.client(0).status(&self.signed(Audience::Insider, id, 60)).await
    }

    /// The result for a public address: 200, or an error's status and reason. The
    /// bytes are not read: they end early if the video is hidden meanwhile.
    pub async fn play_publicly(&self, id: i64) -> (u16, String) {
        let response = self.play(id).send().await.unwrap();
        if response.status() == 200 {
            return (200, String::new());
        }
        let reply = Reply::received(response).await;
        (reply.status, reply.reason().to_owned())
    }

    pub fn rpc(&self) -> UploadServiceClient<PeerChannel> {
        UploadServiceClient::new(self.sandbox.peer("content", "media").unwrap())
    }

    /// Reserves an upload for a video. The response, or the reason of the refusal.
    pub async fn reserve(&self, id: i64, owner: i64, kind: &str, video: i64) -> Result<ReserveUploadResponse, String> {
        self.reserve_for((id, owner, kind), Object::VideoId(video), video).await
    }

    pub async fn reserve_for(
        &self,
        (upload_id, owner_id, kind): (i64, i64, &str),
        object: Object,
        reservation_id: i64,
    ) -> Result<ReserveUploadResponse, String> {
        use tonic_types::StatusExt;
        let (kind, used_by) = (kind.to_owned(), Some(UploadUse { object: Some(object) }));
        let request = ReserveUploadRequest { upload_id, owner_id, kind, used_by, reservation_id };
        let reason =
            |s: tonic::Status| s.get_error_details().error_info().map_or(format!("{s:?}"), |info| info.reason.clone());
        self.rpc().reserve_upload(request).await.map(tonic::Response::into_inner).map_err(reason)
    }

    pub async fn release(&self, reservation_id: i64) {
        self.rpc().release_reservation(ReleaseReservationRequest { reservation_id }).await.unwrap();
    }

    /// Deletes a video at its service.
    pub async fn delete_video(&self, video_id: i64) {
        self.publish(VideoDeleted { video_id, channel_id: ALICE, version: 99, ..VideoDeleted::default() }).await;
        self.events_consumed().await;
    }

    /// Leaves all uploads as a process that crashed while receiving them.
    pub async fn interrupt_uploads(&self) {
        let sql = "UPDATE uploads SET state = 'receiving', multipart_id = '6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4'";
        self.sandbox.execute("media", sql).await;
    }

    /// Rows of the service's database, e.g. of `uploads` in any state.
    pub async fn count(&self, table: &str) -> i64 {
        self.sandbox.count("media", table).await
    }

    /// The files in the object store's folder, those of unfinished uploads included.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(&self.sandbox.objects(), &mut files);
        files.sort();
        files
    }

    /// Waits until the database and the object store are empty.
    pub async fn all_deleted(&self) {
        eventually(async || self.count("uploads").await == 0).await;
        eventually(async || self.files().is_empty()).await;
    }
}

/// None where the object store is an S3.
fn list(folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path.display().to_string());
        }
    }
}
