//! Forgetting a deleted user.

use std::time::Duration;

use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, UserDeleted};
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER, eventually, id, send};

#[tokio::test]
async fn nothing_of_a_deleted_user_is_left_and_nothing_comes_back() {
    for database in Database::available() {
        let fleet = Fleet::start_with_neighbour(database, &[]).await;
        let channel =
            |version| ChannelChanged { channel_id: OWNER, owner_id: OWNER, version, ..ChannelChanged::default() };
        fleet.tell(channel(1)).await;
        let videos = [fleet.video(json!({})).await, fleet.video(json!({"publish": false})).await];
        let urls = fleet.get(&format!("videos/{}", videos[0]), 0).await.video();
        let body = json!({"title": "t", "videoUploadId": fleet.upload_video(OWNER).await.to_string()});
        let keyed = fleet.request(Method::POST, "videos", OWNER).header("Idempotency-Key", "k1").json(&body);
        send(keyed).await.video();
        // Somebody else's video that the user watched, and settings.
        let upload = fleet.upload_video(OTHER).await;
        let foreign = json!({"title": "t", "videoUploadId": upload.to_string(), "publish": true});
        let foreign = id(&fleet.post(&foreign, OTHER).await.video());
        fleet.get(&format!("videos/{foreign}"), OWNER).await.video();
        fleet.get(&format!("videos/{}", videos[0]), OTHER).await.video();
        eventually(async || fleet.count("view_records").await == 2).await;
        let settings = fleet.request(Method::PUT, "user/history/settings", OWNER).json(&json!({"enabled": true}));
        assert_eq!(send(settings).await.status, 200);
        // What a crashed request of theirs left, due in ten minutes.
        let due = fleet.sandbox.process.clock.after(Duration::from_secs(600));
        fleet.store_errand((1, 99, 0, true, true), due).await;
        fleet.execute(&format!("UPDATE media_errands SET owner_id = {OWNER} WHERE id = 1")).await;

        let told = UserDeleted { user_id: OWNER, erasure_id: 3, version: 9, occurred_at: None };
        fleet.tell(told).await;
        eventually(async || fleet.heard.reports().len() == 1).await;
        let report = fleet.heard.reports()[0].clone();
        assert_eq!((report.user_id, report.erasure_id, report.service.as_str()), (OWNER, 3, "content"));
        assert!(report.removed >= 6, "{report:?}");
        let left = async || {
            let mut left = fleet.count(&format!("videos WHERE owner_id = {OWNER}")).await;
            left += fleet.count(&format!("view_records WHERE user_id = {OWNER}")).await;
            left += fleet.count(&format!("channel_states WHERE owner_id = {OWNER}")).await;
            left += fleet.count(&format!("history_settings WHERE user_id = {OWNER}")).await;
            left + fleet.count("idempotency_keys").await + fleet.count("media_errands").await
        };
        assert_eq!(left().await, 0);
        fleet.gone(&urls["playbackUrl"]).await;
        eventually(async || videos.iter().all(|id| fleet.heard.is_deleted(*id))).await;
        assert_eq!(fleet.public().await, [foreign]);

        // What comes late brings nothing back.
        fleet.tell(channel(20)).await;
        fleet.tell(ChannelDeleted { channel_id: OWNER, owner_id: OWNER, version: 21, occurred_at: None }).await;
        fleet.get(&format!("videos/{foreign}"), OWNER).await.video();
        fleet.post(&body, OWNER).await.refused(404, "CHANNEL_NOT_FOUND");
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(left().await, 0);
        // Asked again, it says again that it is done.
        fleet.tell(UserDeleted { erasure_id: 4, ..told }).await;
        eventually(async || fleet.heard.reports().len() == 2).await;
        assert_eq!(left().await, 0);
    }
}

#[tokio::test]
async fn the_report_waits_for_media() {
    let mut sandbox = fenz_testkit::Sandbox::new(Database::of_a_fleet()).await.unwrap();
    drop(sandbox.take_listener("media").unwrap());
    sandbox.start_auth_stand_in().await.unwrap();
    sandbox.start::<fenz_content::Content>().await.unwrap();
    sandbox.start::<crate::neighbour::Neighbour>().await.unwrap();
    sandbox.process.shared.get::<fenz_events::MailboxRegistry>().open();
    let fleet = Fleet::over(sandbox);
    // A claim that media cannot be told about leaves an errand.
    fleet.post(&json!({"title": "t", "videoUploadId": "5"}), OWNER).await.refused(503, "UNAVAILABLE");
    fleet.tell(UserDeleted { user_id: OWNER, erasure_id: 3, version: 9, occurred_at: None }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(fleet.heard.reports().is_empty());
    fleet.execute("DELETE FROM media_errands").await;
    eventually(async || fleet.heard.reports().len() == 1).await;
}
