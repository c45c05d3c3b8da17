//! Releases in media after requests that were interrupted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_contract::media::v1::{ClaimUploadRequest, upload_service_client::UploadServiceClient};
use fenz_testkit::Database;
use sea_orm::{ConnectionTrait, sea_query::Query};
use serde_json::json;

use crate::fleet::{Fleet, OWNER};

impl Fleet {
    /// Inserts a pending call, as left by a crashed process.
    pub async fn insert_pending_call(&self, call: (i64, i64, i64, bool, bool), due_at: DateTime<Utc>) {
        let (id, video, upload, is_intent, keep_files) = call;
        let columns = ["id", "video_id", "upload_id", "is_intent", "keep_files", "attempts", "due_at"];
        let row =
            [id.into(), video.into(), upload.into(), is_intent.into(), keep_files.into(), 0.into(), due_at.into()];
        let insert = Query::insert().into_table("pending_calls").columns(columns).values_panic(row).to_owned();
        self.sandbox.database("content").await.execute(&insert).await.expect("a row");
    }
}

#[tokio::test]
async fn a_crash_between_claim_and_video_frees_the_upload() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let upload = fleet.upload_video(OWNER).await;
        // The state after a crash between claim and video.
        let due = fleet.sandbox.process.clock.after(Duration::from_secs(600));
        fleet.insert_pending_call((1, 99, 0, true, true), due).await;
        let claim =
            ClaimUploadRequest { upload_id: upload, owner_id: OWNER, kind: "video".into(), claim: "video/99".into() };
        let peer = fleet.sandbox.peer("content", "media").unwrap();
        UploadServiceClient::new(peer).claim_upload(claim).await.unwrap();

        let body = json!({"title": "t", "videoUploadId": upload.to_string()});
        fleet.post(&body, OWNER).await.refused(409, "UPLOAD_ALREADY_USED");
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        fleet.pending_calls_done().await;
        fleet.post(&body, OWNER).await.ok("video");
    }
}

#[tokio::test]
async fn a_missed_removal_is_retried() {
    let fleet = Fleet::start(Database::of_a_fleet()).await;
    let video = fleet.video(json!({})).await;
    let urls = fleet.get(&format!("videos/{video}"), 0).await.ok("video");
    // The release of a thumbnail in use is dropped.
    let thumbnail: i64 = urls["thumbnailUrl"].as_str().unwrap().split('/').nth(2).unwrap().parse().unwrap();
    let now = fleet.sandbox.process.clock.now();
    fleet.insert_pending_call((1, video, thumbnail, false, false), now).await;
    fleet.pending_calls_done().await;
    assert_eq!(fleet.media(&urls["thumbnailUrl"]).await, 200);
    // A call stored before a crash is run after the restart.
    fleet.insert_pending_call((2, video, 0, false, false), now).await;
    fleet.pending_calls_done().await;
    fleet.file_deleted(&urls["playbackUrl"]).await;
}
