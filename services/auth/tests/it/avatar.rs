//! PUT user/avatar, with the real media service.

use std::time::Duration;

use fenz_auth::Auth;
use fenz_chassis::status;
use fenz_contract::{
    events::v1::UserUpdated,
    media::v1::{ReserveUploadRequest, UploadUse, upload_service_client::UploadServiceClient, upload_use::Object},
};
use fenz_core::Reason;
use fenz_media::MediaService;
use fenz_testkit::{Client, Database, PNG, Reply, STUB, Sandbox, eventually, free_address};
use serde_json::{Value, json};

use crate::fleet::{Fleet, on_every_database, on_every_database_with_media};

/// Longer than an upload is reserved.
const RESERVED_FOR: Duration = Duration::from_secs(601);

/// A user as a client of auth and of media.
pub struct User {
    auth: Client,
    media: Client,
}

impl User {
    pub async fn register(fleet: &Fleet, name: &str) -> Self {
        let registered = fleet.client.register(name).await;
        let media = fleet.sandbox.client("media", 0).signed_in(&registered);
        Self { auth: fleet.client.signed_in(&registered), media }
    }

    pub fn id(&self) -> i64 {
        self.auth.user().parse().unwrap()
    }

    pub async fn upload(&self) -> i64 {
        self.media.upload("image", PNG).await.id("upload")
    }

    pub async fn set(&self, upload: i64) -> Reply {
        self.auth.put("user/avatar", &json!({"uploadId": upload.to_string()})).await
    }

    /// The status of an avatar's file.
    async fn file(&self, user: &Value) -> u16 {
        self.media.status(user["avatarUrl"].as_str().unwrap()).await
    }

    /// The user, and the account's version.
    async fn me(&self) -> (Value, String) {
        let me = self.auth.get("user/me").await;
        (me.ok("user"), me.header("etag").to_owned())
    }
}

/// Reserves a user's upload as the service of another object does.
async fn reserve(fleet: &Fleet, by: &'static str, owner: &User, upload_id: i64, object: Object) -> Result<(), Reason> {
    let request = ReserveUploadRequest {
        upload_id,
        owner_id: owner.id(),
        kind: "image".to_owned(),
        used_by: Some(UploadUse { object: Some(object) }),
        reservation_id: 1_000_000 + upload_id,
    };
    let mut media = UploadServiceClient::new(fleet.sandbox.peer(by, "media").unwrap());
    media.reserve_upload(request).await.map(drop).map_err(|status| status::into_error(status).reason)
}

async fn reserve_for_channel(fleet: &Fleet, owner: &User, upload: i64) -> Result<(), Reason> {
    reserve(fleet, "channel", owner, upload, Object::ChannelId(owner.id())).await
}

/// Lets the time of all reservations pass. Another replica of media looks for due work
/// at once.
async fn settle_reservations(fleet: &Fleet) {
    fleet.sandbox.process.clock.advance(RESERVED_FOR);
    fleet.sandbox.start_replica::<MediaService>().await.unwrap();
    fleet.sandbox.jobs_done("media").await;
}

/// Waits until media has consumed the event of the only avatar.
async fn confirmed(fleet: &Fleet) {
    eventually(async || fleet.sandbox.count("media", "uploads WHERE is_confirmed").await == 1).await;
}

#[tokio::test]
async fn a_new_avatar_replaces_the_previous_one() {
    on_every_database_with_media(async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        let (one, two) = (ann.upload().await, ann.upload().await);
        let first = ann.set(one).await;
        assert_eq!((first.header("etag"), ann.file(&first.ok("user")).await), ("\"2\"", 200));
        assert_eq!(ann.set(one).await.expect(200).header("etag"), "\"2\"");
        confirmed(&fleet).await;
        let second = ann.set(two).await;
        assert_eq!((second.header("etag"), ann.file(&second.ok("user")).await), ("\"3\"", 200));
        eventually(async || ann.file(&first.ok("user")).await == 404).await;
        eventually(async || fleet.sandbox.count("media", "uploads").await == 1).await;
        assert_eq!(ann.file(&second.ok("user")).await, 200);
        ann.set(one).await.refused(404, "UPLOAD_NOT_FOUND");
        // Other changes keep it.
        ann.auth.put("user/display-name", &json!({"displayName": "Ann A."})).await.expect(200);
        for (version, upload) in [("2", one), ("3", two), ("4", two)] {
            let updated = fleet.events.wait_for::<UserUpdated>("version", version).await;
            assert_eq!(updated["avatarUploadId"], json!(upload.to_string()));
        }
        eventually(async || fleet.sandbox.count("media", "mailbox WHERE consumer = 'media'").await == 0).await;
        assert_eq!(ann.file(&second.ok("user")).await, 200);
    })
    .await;
}

#[tokio::test]
async fn refused_uploads_change_nothing() {
    on_every_database_with_media(async |fleet| {
        let (ann, ben) = (User::register(&fleet, "ann").await, User::register(&fleet, "ben").await);
        let (mine, foreign, used) = (ann.upload().await, ben.upload().await, ann.upload().await);
        assert_eq!(reserve_for_channel(&fleet, &ann, used).await, Ok(()));
        for (upload, status, reason) in
            [(foreign, 404, "UPLOAD_NOT_FOUND"), (4242, 404, "UPLOAD_NOT_FOUND"), (used, 409, "UPLOAD_ALREADY_USED")]
        {
            assert_eq!(ann.set(upload).await.refused(status, reason).field(), "uploadId");
        }
        let outdated = ann.auth.put_if_match("user/avatar", "\"7\"", &json!({"uploadId": mine.to_string()})).await;
        outdated.refused(412, "VERSION_MISMATCH");
        let (me, version) = ann.me().await;
        assert_eq!((&me["avatarUrl"], version.as_str()), (&json!(""), "\"1\""));
        // All can be used for something else.
        assert_eq!(reserve_for_channel(&fleet, &ann, mine).await, Ok(()));
        assert_eq!(ben.set(foreign).await.expect(200).header("etag"), "\"2\"");
    })
    .await;
}

#[tokio::test]
async fn a_failed_change_leaves_the_upload_usable() {
    on_every_database_with_media(async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        let upload = ann.upload().await;
        // The event cannot be stored.
        fleet.sandbox.execute("auth", "ALTER TABLE outbox RENAME TO outbox_renamed").await;
        ann.set(upload).await.refused(500, "INTERNAL");
        fleet.sandbox.execute("auth", "ALTER TABLE outbox_renamed RENAME TO outbox").await;
        let (me, version) = ann.me().await;
        assert_eq!((&me["avatarUrl"], version.as_str()), (&json!(""), "\"1\""));
        assert_eq!(reserve_for_channel(&fleet, &ann, upload).await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn concurrent_identical_changes_all_succeed() {
    on_every_database_with_media(async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        let upload = ann.upload().await;
        let replies = futures::future::join_all((0..8).map(|_| ann.set(upload))).await;
        assert!(replies.iter().all(|r| r.expect(200).header("etag") == "\"2\""), "{replies:?}");
        settle_reservations(&fleet).await;
        eventually(async || fleet.sandbox.count("media", "reservations").await == 0).await;
        assert_eq!(ann.file(&replies[0].ok("user")).await, 200);
        assert_eq!(reserve_for_channel(&fleet, &ann, upload).await, Err(Reason::UploadAlreadyUsed));
        fleet.events.wait_for::<UserUpdated>("version", "2").await;
        assert_eq!(fleet.events.all::<UserUpdated>().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_interrupted_change_frees_the_upload_after_a_while() {
    on_every_database_with_media(async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        let upload = ann.upload().await;
        // Auth has died before it stored the avatar.
        assert_eq!(reserve(&fleet, "auth", &ann, upload, Object::UserId(ann.id())).await, Ok(()));
        assert_eq!(reserve_for_channel(&fleet, &ann, upload).await, Err(Reason::UploadAlreadyUsed));
        settle_reservations(&fleet).await;
        assert_eq!(reserve_for_channel(&fleet, &ann, upload).await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn an_avatar_whose_event_is_late_is_kept() {
    on_every_database(&[], async |mut fleet| {
        // No event is delivered: the bus is not open.
        fleet.sandbox.start::<MediaService>().await.unwrap();
        let ann = User::register(&fleet, "ann").await;
        let upload = ann.upload().await;
        let set = ann.set(upload).await;
        settle_reservations(&fleet).await;
        assert_eq!(ann.file(&set.ok("user")).await, 200);
        assert_eq!(reserve_for_channel(&fleet, &ann, upload).await, Err(Reason::UploadAlreadyUsed));
    })
    .await;
}

#[tokio::test]
async fn late_and_repeated_events_change_nothing() {
    on_every_database_with_media(async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        let (one, two) = (ann.upload().await, ann.upload().await);
        let first = ann.set(one).await.ok("user");
        confirmed(&fleet).await;
        let second = ann.set(two).await.ok("user");
        eventually(async || ann.file(&first).await == 404).await;
        for (version, avatar_upload_id) in [(1, 0), (2, one), (3, two)] {
            let event = UserUpdated { user_id: ann.id(), version, avatar_upload_id, ..UserUpdated::default() };
            fleet.events.publish(event).await;
        }
        eventually(async || fleet.sandbox.count(STUB, "outbox").await == 0).await;
        eventually(async || fleet.sandbox.count("media", "mailbox WHERE consumer = 'media'").await == 0).await;
        assert_eq!((ann.file(&first).await, ann.file(&second).await), (404, 200));
        assert_eq!(fleet.sandbox.count("media", "uploads WHERE is_confirmed").await, 1);
    })
    .await;
}

#[tokio::test]
async fn while_media_is_away_the_avatar_stays() {
    // Connections are refused.
    let address = format!("http://{}", free_address());
    on_every_database(&[("peers.media", &address)], async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        ann.set(3).await.refused(503, "UNAVAILABLE");
        let (me, version) = ann.me().await;
        assert_eq!((&me["avatarUrl"], version.as_str()), (&json!(""), "\"1\""));
    })
    .await;
}

#[tokio::test]
async fn without_media_there_are_no_avatars() {
    let mut sandbox = Sandbox::new(Database::Sqlite).await.unwrap();
    sandbox.set("peers.media", "").unwrap();
    sandbox.start::<Auth>().await.unwrap();
    let fleet = Fleet::of(sandbox);
    let ann = User::register(&fleet, "ann").await;
    ann.set(1).await.refused(503, "UNAVAILABLE");
}
