//! Published means playable: videos whose file is not ready yet, cannot be played, or
//! that have a time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fenz_contract::events::v1::{NewVideo, UploadProcessed, VideoFailed};
use fenz_testkit::{Database, eventually, id, within};
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

async fn set_status(fleet: &Fleet, upload: i64, status: &str) {
    let sql = format!("UPDATE uploads SET status = '{status}' WHERE id = {upload}");
    fleet.sandbox.execute("media", &sql).await;
}

/// An upload that media is still busy with.
async fn processing(fleet: &Fleet) -> i64 {
    let upload = fleet.upload_video(OWNER).await;
    fleet.sandbox.jobs_done("media").await;
    set_status(fleet, upload, "processing").await;
    upload
}

fn body(upload: i64, more: &Value) -> Value {
    let mut body = json!({"title": "t", "videoUploadId": upload.to_string()});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn read(fleet: &Fleet, video: i64) -> Value {
    fleet.get(&format!("videos/{video}"), OWNER).await.ok("video")
}

fn processed(video: &Value, upload: i64, failure: &str) -> UploadProcessed {
    UploadProcessed {
        upload_id: upload,
        owner_id: OWNER,
        video_id: id(video),
        failure: failure.to_owned(),
        duration_seconds: 9,
        width: 640,
        height: 360,
        ..UploadProcessed::default()
    }
}

#[tokio::test]
async fn a_small_file_is_waited_for() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let upload = processing(&fleet).await;
    let request = body(upload, &json!({"publish": true}));
    let (reply, ()) = tokio::join!(fleet.post(&request, OWNER), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        set_status(&fleet, upload, "ready").await;
    });
    let video = reply.ok("video");
    assert_eq!((&video["status"], &video["isPublished"]), (&json!("ready"), &json!(true)));
    assert_eq!((&video["durationSeconds"], &video["statusReason"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn a_video_is_published_when_its_file_is_ready() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let (slow, quiet) = (processing(&fleet).await, processing(&fleet).await);
        let (slow_body, quiet_body) = (body(slow, &json!({"publish": true})), body(quiet, &json!({})));
        let (video, silent) = tokio::join!(fleet.post(&slow_body, OWNER), fleet.post(&quiet_body, OWNER));
        let (video, silent) = (video.ok("video"), silent.ok("video"));
        assert_eq!((&video["status"], &video["isPublished"]), (&json!("processing"), &json!(false)));
        assert!(video["publishAt"].is_string() && silent["publishAt"].is_null());
        fleet.get(&format!("videos/{}", id(&video)), OTHER).await.refused(404, "VIDEO_NOT_FOUND");
        assert_eq!(fleet.public().await, Vec::<i64>::new());

        for _ in 0..2 {
            fleet.events.publish(processed(&video, slow, "")).await;
            fleet.events.publish(processed(&silent, quiet, "")).await;
        }
        eventually(async || read(&fleet, id(&video)).await["isPublished"] == true).await;
        eventually(async || read(&fleet, id(&silent)).await["status"] == "ready").await;
        assert_eq!(fleet.public().await, [id(&video)]);
        let now = read(&fleet, id(&video)).await;
        assert_eq!((&now["durationSeconds"], &now["width"], &now["publishAt"]), (&json!(9), &json!(640), &Value::Null));
        eventually(async || fleet.last(id(&video)).is_some_and(|event| event.is_published)).await;
        // Its subscribers are told now, and once.
        eventually(async || fleet.events.all::<NewVideo>().len() == 1).await;
        let states = fleet.changed().into_iter().filter(|event| event.video_id == id(&video));
        assert_eq!(states.count(), 2, "created, published");
    }
}

#[tokio::test]
async fn a_video_that_cannot_be_played_stays_unpublished() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let upload = processing(&fleet).await;
        let video = fleet.post(&body(upload, &json!({"publish": true})), OWNER).await.ok("video");
        for _ in 0..2 {
            fleet.events.publish(processed(&video, upload, "UNREADABLE")).await;
        }
        eventually(async || read(&fleet, id(&video)).await["status"] == "failed").await;
        let failed = read(&fleet, id(&video)).await;
        assert_eq!((&failed["statusReason"], &failed["publishAt"]), (&json!("UNREADABLE"), &Value::Null));
        eventually(async || !fleet.events.all::<VideoFailed>().is_empty()).await;
        fleet.publish(id(&video), true, OWNER).await.refused(400, "UPLOAD_FAILED");
        assert_eq!(fleet.public().await, Vec::<i64>::new());
        let told: Vec<VideoFailed> = fleet.events.all();
        assert_eq!((told.len(), told[0].owner_id, told[0].failure.as_str()), (1, OWNER, "UNREADABLE"));
    }
}

#[tokio::test]
async fn an_upload_that_has_failed_makes_no_video() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let upload = fleet.upload_video(OWNER).await;
    fleet.sandbox.jobs_done("media").await;
    let sql = format!("UPDATE uploads SET status = 'failed', failure = 'UNREADABLE' WHERE id = {upload}");
    fleet.sandbox.execute("media", &sql).await;
    let reply = fleet.post(&body(upload, &json!({})), OWNER).await;
    assert_eq!(reply.refused(400, "UPLOAD_FAILED").field(), "videoUploadId");
    assert_eq!(fleet.count("videos").await, 0);
}

/// So many hours ahead.
fn hours(fleet: &Fleet, hours: i64) -> DateTime<Utc> {
    fleet.sandbox.process.clock.now() + TimeDelta::hours(hours)
}

/// Turns the clock, and wakes the worker, which does not see that.
async fn pass_hours(fleet: &Fleet, passed: u64) {
    fleet.sandbox.process.clock.advance(Duration::from_secs(3600 * passed));
    let other = fleet.upload_video(OWNER).await;
    let far = json!({"publishAt": hours(fleet, 300 * 24)});
    fleet.post(&body(other, &far), OWNER).await.ok("video");
}

#[tokio::test]
async fn a_scheduled_video_is_published_at_its_time() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.edit_cooldown", "0s")]).await;
        let mut videos = Vec::new();
        for at in [2, 2, 2, 50] {
            let upload = fleet.upload_video(OWNER).await;
            let video = fleet.post(&body(upload, &json!({"publishAt": hours(&fleet, at)})), OWNER).await.ok("video");
            assert_eq!((&video["isPublished"], video["publishAt"].is_string()), (&json!(false), true));
            videos.push(id(&video));
        }
        let [due, later, never, earlier] = videos[..] else { unreachable!() };
        fleet.put(later, &json!({"publishAt": hours(&fleet, 50)}), OWNER).await.ok("video");
        fleet.put(never, &json!({"publishAt": null}), OWNER).await.ok("video");
        fleet.put(earlier, &json!({"publishAt": hours(&fleet, 2)}), OWNER).await.ok("video");
        pass_hours(&fleet, 1).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(fleet.public().await, Vec::<i64>::new());
        pass_hours(&fleet, 2).await;
        eventually(async || fleet.public().await.len() == 2).await;
        let mut public = fleet.public().await;
        public.sort_unstable();
        assert_eq!(public, [due, earlier]);
        assert_eq!(read(&fleet, due).await["publishAt"], Value::Null);
        pass_hours(&fleet, 100).await;
        eventually(async || fleet.public().await.len() == 3).await;
        assert_eq!(read(&fleet, later).await["isPublished"], true);
        assert_eq!(read(&fleet, never).await["isPublished"], false);
        within(Duration::from_secs(20), async || fleet.events.all::<NewVideo>().len() == 3).await;
    }
}

#[tokio::test]
async fn a_time_of_publication_is_checked() {
    let fleet = Fleet::start_with(Database::Sqlite, &[("content.edit_cooldown", "0s")]).await;
    let upload = fleet.upload_video(OWNER).await;
    for wrong in [
        json!({"publishAt": hours(&fleet, -1)}),
        json!({"publishAt": hours(&fleet, 367 * 24)}),
        json!({"publishAt": hours(&fleet, 1), "publish": true}),
        json!({"publishAt": "tomorrow"}),
    ] {
        let reply = fleet.post(&body(upload, &wrong), OWNER).await;
        assert_eq!(reply.refused(400, "INVALID_PARAMS").field(), "publishAt");
    }
    let video = id(&fleet.post(&body(upload, &json!({"publishAt": hours(&fleet, 1)})), OWNER).await.ok("video"));
    let published = fleet.publish(video, true, OWNER).await.ok("video");
    assert_eq!((&published["isPublished"], &published["publishAt"]), (&json!(true), &Value::Null));
    let reply = fleet.put(video, &json!({"publishAt": hours(&fleet, 1)}), OWNER).await;
    assert_eq!(reply.refused(400, "INVALID_PARAMS").field(), "publishAt");
    fleet.put(video, &json!({"publishAt": null}), OWNER).await.ok("video");
    fleet.publish(video, false, OWNER).await.ok("video");
    fleet.put(video, &json!({"publishAt": hours(&fleet, 1)}), OWNER).await.ok("video");
    let withdrawn = fleet.publish(video, false, OWNER).await.ok("video");
    assert_eq!(withdrawn["publishAt"], Value::Null, "unpublishing ends a schedule");
}
