//! A sandbox with content and media, and short ways to call content.

use std::time::Duration;

use fenz_chassis::peers::PeerChannel;
use fenz_content::Content;
use fenz_contract::{
    events::v1::{
        AuditRecorded, ChannelChanged, NewVideo, UserErased, UserModerated, VideoChanged, VideoDeleted, VideoFailed,
        VideoUpdate, VideosImported, ViewsCounted,
    },
    media::v1::{ReleaseReservationRequest, upload_service_client::UploadServiceClient},
};
use fenz_core::Role;
use fenz_media::MediaService;
use fenz_testkit::{Client, Database, EventStub, PNG, Reply, Sandbox, eventually, id, mp4};
use serde_json::{Value, json};

pub const OWNER: i64 = 7;
pub const OTHER: i64 = 8;
pub const STAFF: i64 = 9;

/// The owner's channel.
pub fn channel(version: i64, is_hidden: bool) -> ChannelChanged {
    ChannelChanged { channel_id: OWNER, owner_id: OWNER, is_hidden, version, ..ChannelChanged::default() }
}

pub struct Fleet {
    pub sandbox: Sandbox,
    /// The other services on the bus, in a fleet that was started with them.
    pub events: EventStub,
}

impl Fleet {
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        for (key, value) in settings {
            sandbox.set(key, value).expect("a key");
        }
        sandbox.start_auth_stand_in().await.expect("auth");
        sandbox.start::<MediaService>().await.expect("media");
        Self::over(sandbox).await
    }

    /// With a sandbox that has auth, and media if the test needs it.
    pub async fn over(mut sandbox: Sandbox) -> Self {
        sandbox.start::<Content>().await.expect("content");
        Self { sandbox, events: EventStub::default() }
    }

    /// With the other services on the bus.
    pub async fn start_with_events(database: Database, settings: &[(&str, &str)]) -> Self {
        Self::start_with(database, settings).await.with_events().await
    }

    pub async fn with_events(mut self) -> Self {
        let events = self.events.recording::<VideoChanged>().recording::<VideosImported>().recording::<VideoDeleted>();
        let events = events.recording::<VideoUpdate>().recording::<ViewsCounted>().recording::<UserModerated>();
        let events = events.recording::<AuditRecorded>().recording::<UserErased>();
        let events = events.recording::<NewVideo>().recording::<VideoFailed>();
        self.events = events.start(&mut self.sandbox).await;
        self
    }

    /// The published states of all videos.
    pub fn changed(&self) -> Vec<VideoChanged> {
        let imported = self.events.all::<VideosImported>().into_iter().flat_map(|event| event.videos);
        self.events.all().into_iter().chain(imported).collect()
    }

    /// The latest published state of a video.
    pub fn last(&self, video: i64) -> Option<VideoChanged> {
        self.changed().into_iter().filter(|event| event.video_id == video).max_by_key(|event| event.version)
    }

    /// Whether it was published that a video is deleted.
    pub fn is_deleted(&self, video: i64) -> bool {
        self.events.all::<VideoDeleted>().iter().any(|event| event.video_id == video)
    }

    /// Content's erasure reports.
    pub fn reports(&self) -> Vec<UserErased> {
        self.events.all::<UserErased>().into_iter().filter(|report| report.service == "content").collect()
    }

    /// The audited actions, in order.
    pub fn actions(&self) -> Vec<String> {
        let mut acts: Vec<AuditRecorded> = self.events.all();
        acts.sort_by_key(|act| act.occurred_at.as_ref().map(|at| (at.seconds, at.nanos)));
        acts.into_iter().map(|act| act.action).collect()
    }

    /// A client of content; 0 is anonymous.
    pub fn client(&self, user: i64) -> Client {
        self.sandbox.client("content", user)
    }

    pub fn moderator(&self) -> Client {
        self.sandbox.client_as("content", STAFF, Role::Moderator)
    }

    pub fn admin(&self) -> Client {
        self.sandbox.client_as("content", STAFF, Role::Admin)
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        self.client(user).get(path).await
    }

    pub async fn post(&self, body: &Value, user: i64) -> Reply {
        self.client(user).post("videos", body).await
    }

    pub async fn put(&self, video: i64, body: &Value, user: i64) -> Reply {
        self.client(user).put(&format!("videos/{video}"), body).await
    }

    pub async fn publish(&self, video: i64, published: bool, user: i64) -> Reply {
        self.client(user).patch(&format!("videos/{video}/publish"), &json!({"published": published})).await
    }

    pub async fn delete(&self, video: i64, user: i64) -> Reply {
        self.client(user).delete(&format!("videos/{video}")).await
    }

    pub async fn moderate(&self, video: i64, action: &str, body: &Value) -> Reply {
        self.moderator().put(&format!("admin/videos/{video}/{action}"), body).await
    }

    /// The ids of the public videos.
    pub async fn public(&self) -> Vec<i64> {
        let reply = self.get("videos", 0).await;
        let ids = reply.ids("videos");
        assert_eq!(reply.number("total"), ids.len() as i64);
        ids
    }

    pub async fn upload_video(&self, user: i64) -> i64 {
        id(&self.sandbox.client("media", user).processed_upload("video", mp4()).await)
    }

    pub async fn upload_thumbnail(&self, user: i64) -> i64 {
        self.sandbox.client("media", user).upload("thumbnail", PNG).await.id("upload")
    }

    /// Creates a published video of the owner, with overrides of its fields.
    pub async fn video(&self, fields: Value) -> i64 {
        self.video_of(OWNER, fields).await
    }

    pub async fn video_of(&self, owner: i64, fields: Value) -> i64 {
        let upload = self.upload_video(owner).await.to_string();
        let mut body = json!({"title": "片 🎬", "videoUploadId": upload, "publish": true});
        for (key, value) in fields.as_object().expect("an object") {
            body[key] = value.clone();
        }
        self.post(&body, owner).await.id("video")
    }

    /// The status of media's response for a path.
    pub async fn media(&self, path: &Value) -> u16 {
        self.sandbox.client("media", 0).status(path.as_str().expect("a path")).await
    }

    /// Waits until media answers 404 for a path.
    pub async fn file_deleted(&self, path: &Value) {
        eventually(async || self.media(path).await == 404).await;
    }

    /// Rows of content's database.
    pub async fn count(&self, table: &str) -> i64 {
        self.sandbox.count("content", table).await
    }

    /// Lets the time of all reservations in media end, and waits until it has settled
    /// them.
    pub async fn settle_reservations(&self) {
        self.sandbox.process.clock.advance(Duration::from_secs(601));
        // A commit wakes media's worker, which does not see the clock turn.
        let request = ReleaseReservationRequest { reservation_id: i64::MAX };
        self.uploads().release_reservation(request).await.expect("media");
        self.sandbox.jobs_done("media").await;
    }

    /// Media, as content reaches it.
    pub fn uploads(&self) -> UploadServiceClient<PeerChannel> {
        UploadServiceClient::new(self.sandbox.peer("content", "media").expect("media"))
    }

    /// Advances to a minute past the hour, so that a test does not span two.
    pub fn advance_to_next_hour(&self) {
        let clock = &self.sandbox.process.clock;
        clock.advance(Duration::from_secs(3660 - (clock.unix() % 3600) as u64));
    }
}
