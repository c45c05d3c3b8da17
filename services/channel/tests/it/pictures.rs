//! Avatars and banners, stored by media.

use std::time::Duration;

use fenz_channel::Channels;
use fenz_chassis::status;
use fenz_contract::{
    events::v1::ChannelChanged,
    media::v1::{ReserveUploadRequest, UploadUse, upload_service_client::UploadServiceClient, upload_use::Object},
};
use fenz_core::{Reason, Role};
use fenz_media::MediaService;
use fenz_testkit::{Database, EventStub, Reply, STUB, Sandbox, eventually, free_address};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

/// Longer than an upload is reserved.
const RESERVED_FOR: Duration = Duration::from_secs(601);

async fn edit(fleet: &Fleet, body: Value) -> Value {
    fleet.put("channels/7", &body, OWNER).await.ok("channel")
}

/// Reserves an upload of the owner as the service of another object does.
async fn reserve(fleet: &Fleet, by: &'static str, upload: &str, object: Object) -> Result<(), Reason> {
    let upload_id = upload.parse().expect("an id");
    let request = ReserveUploadRequest {
        upload_id,
        owner_id: OWNER,
        kind: "image".to_owned(),
        used_by: Some(UploadUse { object: Some(object) }),
        reservation_id: 1_000_000 + upload_id,
    };
    let mut media = UploadServiceClient::new(fleet.sandbox.peer(by, "media").expect("a service"));
    media.reserve_upload(request).await.map(drop).map_err(|status| status::into_error(status).reason)
}

async fn reserve_as_avatar(fleet: &Fleet, upload: &str) -> Result<(), Reason> {
    reserve(fleet, "auth", upload, Object::UserId(OWNER)).await
}

/// Lets the time of all reservations pass. Another replica of media looks for due work
/// at once.
async fn settle_reservations(fleet: &Fleet) {
    fleet.sandbox.process.clock.advance(RESERVED_FOR);
    fleet.sandbox.start_replica::<MediaService>().await.expect("a replica");
    fleet.sandbox.jobs_done("media").await;
}

/// Waits until media has consumed the events of so many pictures.
async fn confirmed(fleet: &Fleet, pictures: i64) {
    eventually(async || fleet.sandbox.count("media", "uploads WHERE is_confirmed").await == pictures).await;
}

async fn consumed_by_media(fleet: &Fleet) {
    eventually(async || fleet.sandbox.count(STUB, "outbox").await + fleet.count("outbox").await == 0).await;
    eventually(async || fleet.sandbox.count("media", "mailbox WHERE consumer = 'media'").await == 0).await;
}

#[tokio::test]
async fn pictures_are_replaced_and_removed() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (avatar, banner) = (fleet.upload(OWNER).await, fleet.upload(OWNER).await);
        let first = edit(&fleet, json!({"avatarUploadId": avatar, "bannerUploadId": banner, "name": "n"})).await;
        for url in ["avatarUrl", "bannerUrl"] {
            assert_eq!(fleet.media(&first[url]).await, 200);
        }
        confirmed(&fleet, 2).await;
        // Setting the same picture changes nothing.
        assert_eq!(edit(&fleet, json!({"avatarUploadId": avatar})).await, first);

        let other = fleet.upload(OWNER).await;
        let second = edit(&fleet, json!({"avatarUploadId": other, "bannerUploadId": "0"})).await;
        assert_eq!(second["bannerUrl"], json!(""));
        for url in ["avatarUrl", "bannerUrl"] {
            eventually(async || fleet.media(&first[url]).await == 404).await;
        }
        eventually(async || fleet.sandbox.count("media", "uploads").await == 1).await;
        fleet.put("channels/7", &json!({"avatarUploadId": avatar}), OWNER).await.refused(404, "UPLOAD_NOT_FOUND");
        // Other changes keep it.
        assert_eq!(fleet.moderate(7, "hide").await.status, 200);
        consumed_by_media(&fleet).await;
        assert_eq!(fleet.media(&second["avatarUrl"]).await, 200);
        let pictures = |version| {
            let changed = fleet.events.all::<ChannelChanged>();
            let of_version = changed.into_iter().find(|event| (event.channel_id, event.version) == (7, version));
            of_version.map(|event| (event.avatar_upload_id.to_string(), event.banner_upload_id.to_string()))
        };
        for (version, expected) in
            [(2, (avatar, banner)), (3, (other.clone(), "0".to_owned())), (4, (other, "0".to_owned()))]
        {
            eventually(async || pictures(version).as_ref() == Some(&expected)).await;
        }
    }
}

#[tokio::test]
async fn a_refused_edit_leaves_its_uploads_usable() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (mine, foreign, used) = (fleet.upload(OWNER).await, fleet.upload(OTHER).await, fleet.upload(OWNER).await);
        assert_eq!(reserve_as_avatar(&fleet, &used).await, Ok(()));
        for (banner, status, reason) in [
            (&foreign, 404, "UPLOAD_NOT_FOUND"),
            (&used, 409, "UPLOAD_ALREADY_USED"),
            (&mine, 409, "UPLOAD_ALREADY_USED"),
        ] {
            let both = json!({"avatarUploadId": mine, "bannerUploadId": banner});
            let reply = fleet.put("channels/7", &both, OWNER).await;
            assert_eq!(reply.refused(status, reason).field(), "bannerUploadId");
        }
        let request = fleet.request_as(Method::PUT, "channels/7", OWNER, Role::User).header("If-Match", "\"9\"");
        Reply::of(request.json(&json!({"avatarUploadId": mine}))).await.refused(412, "VERSION_MISMATCH");
        // Not even for a while.
        assert_eq!(reserve_as_avatar(&fleet, &mine).await, Ok(()));
        let read = fleet.get("channels/7", 0).await;
        assert_eq!((read.header("etag"), &read.ok("channel")["avatarUrl"]), ("\"1\"", &json!("")));
    }
}

#[tokio::test]
async fn one_upload_is_not_both_pictures() {
    let fleet = Fleet::start(Database::of_a_fleet()).await;
    let upload = fleet.upload(OWNER).await;
    edit(&fleet, json!({"bannerUploadId": upload})).await;
    let reply = fleet.put("channels/7", &json!({"avatarUploadId": upload}), OWNER).await;
    assert_eq!(reply.refused(409, "UPLOAD_ALREADY_USED").field(), "avatarUploadId");
    // It may move.
    let moved = edit(&fleet, json!({"avatarUploadId": upload, "bannerUploadId": "0"})).await;
    consumed_by_media(&fleet).await;
    assert_eq!((fleet.media(&moved["avatarUrl"]).await, &moved["bannerUrl"]), (200, &json!("")));
}

#[tokio::test]
async fn a_failed_edit_leaves_its_uploads_usable() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (avatar, banner) = (fleet.upload(OWNER).await, fleet.upload(OWNER).await);
        // The event cannot be stored.
        fleet.execute("ALTER TABLE outbox RENAME TO outbox_renamed").await;
        let body = json!({"avatarUploadId": avatar, "bannerUploadId": banner});
        fleet.put("channels/7", &body, OWNER).await.refused(500, "INTERNAL");
        fleet.execute("ALTER TABLE outbox_renamed RENAME TO outbox").await;
        let read = fleet.get("channels/7", 0).await;
        assert_eq!((read.header("etag"), &read.ok("channel")["avatarUrl"]), ("\"1\"", &json!("")));
        for upload in [&avatar, &banner] {
            assert_eq!(reserve_as_avatar(&fleet, upload).await, Ok(()));
        }
    }
}

#[tokio::test]
async fn concurrent_identical_edits_all_succeed() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let avatar = fleet.upload(OWNER).await;
        let body = json!({"avatarUploadId": avatar});
        let replies = futures::future::join_all((0..8).map(|_| fleet.put("channels/7", &body, OWNER))).await;
        assert!(replies.iter().all(|r| r.expect(200).header("etag") == "\"2\""), "{replies:?}");
        settle_reservations(&fleet).await;
        eventually(async || fleet.sandbox.count("media", "reservations").await == 0).await;
        let channel = fleet.get("channels/7", 0).await.ok("channel");
        assert_eq!(fleet.media(&channel["avatarUrl"]).await, 200);
        assert_eq!(reserve_as_avatar(&fleet, &avatar).await, Err(Reason::UploadAlreadyUsed));
    }
}

#[tokio::test]
async fn an_interrupted_edit_frees_its_uploads_after_a_while() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let upload = fleet.upload(OWNER).await;
        // The service has died before it stored the edit.
        assert_eq!(reserve(&fleet, "channel", &upload, Object::ChannelId(OWNER)).await, Ok(()));
        assert_eq!(reserve_as_avatar(&fleet, &upload).await, Err(Reason::UploadAlreadyUsed));
        settle_reservations(&fleet).await;
        assert_eq!(reserve_as_avatar(&fleet, &upload).await, Ok(()));
    }
}

#[tokio::test]
async fn late_and_repeated_events_change_nothing() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (one, two) = (fleet.upload(OWNER).await, fleet.upload(OWNER).await);
        let first = edit(&fleet, json!({"bannerUploadId": one})).await;
        confirmed(&fleet, 1).await;
        let second = edit(&fleet, json!({"bannerUploadId": two})).await;
        eventually(async || fleet.media(&first["bannerUrl"]).await == 404).await;
        let banner = |upload: &str| upload.parse().unwrap();
        for (version, banner_upload_id) in [(1, 0), (2, banner(&one)), (3, banner(&two))] {
            let event = ChannelChanged {
                channel_id: OWNER,
                owner_id: OWNER,
                version,
                banner_upload_id,
                ..ChannelChanged::default()
            };
            fleet.publish(event).await;
        }
        consumed_by_media(&fleet).await;
        assert_eq!((fleet.media(&first["bannerUrl"]).await, fleet.media(&second["bannerUrl"]).await), (404, 200));
        assert_eq!(fleet.sandbox.count("media", "uploads WHERE is_confirmed").await, 1);
    }
}

#[tokio::test]
async fn while_media_is_away_only_pictures_cannot_be_changed() {
    for database in Database::available() {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        // Connections are refused.
        sandbox.set("peers.media", &format!("http://{}", free_address())).unwrap();
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<Channels>().await.unwrap();
        let events = EventStub::default().recording::<ChannelChanged>().start(&mut sandbox).await;
        let fleet = Fleet { sandbox, events };
        fleet.register(OWNER, "the owner").await;
        let body = json!({"avatarUploadId": "3", "name": "new"});
        fleet.put("channels/7", &body, OWNER).await.refused(503, "UNAVAILABLE");
        let read = fleet.get("channels/7", 0).await;
        assert_eq!((read.header("etag"), &read.ok("channel")["name"]), ("\"1\"", &json!("the owner")));
        assert_eq!(edit(&fleet, json!({"name": "new"})).await["name"], json!("new"));
    }
}
