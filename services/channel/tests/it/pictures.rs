//! Avatars and banners, stored by media.

use std::time::Duration;

use fenz_testkit::{Database, eventually};
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

async fn pending_calls_done(fleet: &Fleet) {
    eventually(async || fleet.count("pending_calls").await == 0).await;
}

async fn edit(fleet: &Fleet, body: Value) -> Value {
    fleet.put("channels/7", &body, OWNER).await.ok("channel")
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
        assert_eq!(fleet.count("pending_calls").await, 0);
        // Setting the same picture changes nothing.
        assert_eq!(edit(&fleet, json!({"avatarUploadId": avatar})).await, first);

        let other = fleet.upload(OWNER).await;
        let second = edit(&fleet, json!({"avatarUploadId": other, "bannerUploadId": "0"})).await;
        assert_eq!(second["bannerUrl"], json!(""));
        assert_eq!(fleet.media(&second["avatarUrl"]).await, 200);
        pending_calls_done(&fleet).await;
        for url in ["avatarUrl", "bannerUrl"] {
            assert_eq!(fleet.media(&first[url]).await, 404);
        }
        fleet.put("channels/7", &json!({"avatarUploadId": avatar}), OWNER).await.refused(404, "UPLOAD_NOT_FOUND");
        assert_eq!(fleet.media(&second["avatarUrl"]).await, 200);
    }
}

#[tokio::test]
async fn a_refused_edit_releases_its_claims() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (mine, foreign) = (fleet.upload(OWNER).await, fleet.upload(OTHER).await);
        let both = json!({"avatarUploadId": mine, "bannerUploadId": foreign});
        let reply = fleet.put("channels/7", &both, OWNER).await;
        assert_eq!(reply.refused(404, "UPLOAD_NOT_FOUND").field(), "bannerUploadId");
        let twice = json!({"avatarUploadId": mine, "bannerUploadId": mine});
        let reply = fleet.put("channels/7", &twice, OWNER).await;
        assert_eq!(reply.refused(409, "UPLOAD_ALREADY_USED").field(), "bannerUploadId");
        assert_eq!(fleet.count("pending_calls").await, 0);
        let channel = edit(&fleet, json!({"bannerUploadId": mine})).await;
        assert_eq!((fleet.media(&channel["bannerUrl"]).await, &channel["avatarUrl"]), (200, &json!("")));
    }
}

#[tokio::test]
async fn concurrent_identical_edits_all_succeed() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let avatar = fleet.upload(OWNER).await;
        let body = json!({"avatarUploadId": avatar});
        let replies = futures::future::join_all((0..8).map(|_| fleet.put("channels/7", &body, OWNER))).await;
        assert!(replies.iter().all(|r| r.status == 200), "{:?}", replies.iter().map(|r| &r.body).collect::<Vec<_>>());
        // Calls left by the edits run when due, but a picture in use is not released.
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        pending_calls_done(&fleet).await;
        let channel = fleet.get("channels/7", 0).await.ok("channel");
        assert_eq!(fleet.media(&channel["avatarUrl"]).await, 200);
    }
}

#[tokio::test]
async fn an_interrupted_edit_is_rolled_back() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let upload = fleet.upload(OWNER).await;
        let insert = format!(
            "INSERT INTO pending_calls (channel_id, picture, upload_id, keep_files, started, attempts, due_at) \
             VALUES (7, 'avatar', {upload}, TRUE, FALSE, 0, '2026-01-01 00:00:00+00:00')"
        );
        let insert = if database == Database::MariaDb { insert.replace("+00:00", "") } else { insert };
        fleet.execute(&insert).await;
        pending_calls_done(&fleet).await;
        let channel = edit(&fleet, json!({"avatarUploadId": upload})).await;
        assert_eq!(fleet.media(&channel["avatarUrl"]).await, 200);
    }
}
