//! Erasing a user: rows, objects, and uploads in progress.

use std::{sync::Arc, time::Duration};

use fenz_contract::events::v1::{ChannelChanged, UserDeleted, UserErased, VideoChanged, VideoDeleted};
use fenz_testkit::{Database, PNG, eventually, mp4};
use tokio::sync::Notify;

use crate::{files, harness::*, object_store::*};

fn deleted(user_id: i64) -> UserDeleted {
    UserDeleted { user_id, erasure_id: 900 + user_id, version: 50, ..UserDeleted::default() }
}

fn video(video_id: i64, owner_id: i64, version: i64) -> VideoChanged {
    VideoChanged { video_id, channel_id: owner_id, owner_id, is_published: true, version, ..VideoChanged::default() }
}

async fn rows_of(media: &Media, user: i64) -> i64 {
    let mut rows = 0;
    for table in ["uploads", "daily_usage", "video_states", "channel_states"] {
        rows += media.count(&format!("{table} WHERE owner_id = {user}")).await;
    }
    rows + media.count(&format!("video_states WHERE channel_id = {user}")).await
}

async fn reported(media: &Media) {
    eventually(async || !media.events.all::<UserErased>().is_empty()).await;
    eventually(async || media.count("erasures").await == 0).await;
}

#[tokio::test]
async fn fifty_uploads_are_erased() {
    on_each(&[], async |media| {
        let kept = media.uploaded(BOB, THUMBNAIL, PNG).await;
        let files_kept = media.files();
        let mut ids = Vec::new();
        for n in 1..=49 {
            let id = media.uploaded(ALICE, THUMBNAIL, PNG).await;
            if n % 2 == 0 {
                media.reserve(id, ALICE, "image", n).await.unwrap();
            }
            ids.push(id);
        }
        let with_poster = media.uploaded(ALICE, VIDEO, mp4()).await;
        media.reserve(with_poster, ALICE, "video", 100).await.unwrap();
        ids.push(with_poster);
        media.publish(video(2, ALICE, 1)).await;
        let channel = ChannelChanged { channel_id: ALICE, owner_id: ALICE, version: 1, ..ChannelChanged::default() };
        media.publish(channel.clone()).await;
        media.events_consumed().await;
        assert_eq!(media.play_publicly(ids[0]).await.0, 200);

        // Some videos are deleted before the erasure and others after it.
        media.delete_video(4).await;
        media.publish(deleted(ALICE)).await;
        reported(&media).await;
        media.delete_video(6).await;
        for id in &ids {
            // A status may be a quarter of a second old.
            eventually(async || media.play_publicly(*id).await == (404, "UPLOAD_NOT_FOUND".to_owned())).await;
            assert_eq!(media.status_for_insider(*id).await, 404);
        }
        assert_eq!(rows_of(&media, ALICE).await, 0);
        assert_eq!((media.count("uploads").await, media.play_publicly(kept).await.0), (1, 200));
        assert_eq!(media.files(), files_kept);
        let report = media.events.all::<UserErased>()[0].clone();
        assert_eq!((report.service.as_str(), report.user_id, report.erasure_id), ("media", ALICE, 907));
        // The sweeper deletes some of them.
        assert!(report.removed > 0, "{report:?}");

        // Late events and a token that is still valid recreate nothing.
        media.publish(channel).await;
        media.publish(video(2, ALICE, 7)).await;
        media.publish(VideoDeleted { video_id: 3, channel_id: ALICE, version: 2, ..VideoDeleted::default() }).await;
        media.events_consumed().await;
        media.client(ALICE).upload(THUMBNAIL, PNG).await.refused(401, "UNAUTHENTICATED");
        media.client(ALICE).upload(VIDEO, &files::noise(10_000)).await.refused(401, "UNAUTHENTICATED");
        assert_eq!(rows_of(&media, ALICE).await, 0);
    })
    .await;
}

#[tokio::test]
async fn erasure_waits_for_the_object_store() {
    for mut store in ObjectStore::available().await {
        for database in Database::available() {
            let mut settings = store.settings();
            settings.push(("media.sweep_every", "1h"));
            let media = Media::start(database, &settings).await;
            let mut ids = Vec::new();
            for _ in 0..5 {
                ids.push(media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await);
            }
            store.go_away(&media).await;
            media.publish(deleted(ALICE)).await;
            for id in &ids {
                eventually(async || media.play_publicly(*id).await.1 == "UPLOAD_NOT_FOUND").await;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            assert!(media.events.all::<UserErased>().is_empty());
            assert_eq!(media.count("uploads").await, 5);
            store.come_back(&media).await;
            media.sandbox.process.clock.advance(Duration::from_secs(30));
            reported(&media).await;
            assert_eq!(rows_of(&media, ALICE).await, 0);
            for id in ids {
                assert!(!store.has(&media, id).await);
            }
        }
    }
}

#[tokio::test]
async fn an_upload_in_progress_is_erased() {
    on_each(&[], async |media| {
        // One multipart, one in a single request; each would take many seconds more.
        let (alice, pause) = (media.client(ALICE), Duration::from_millis(150));
        let parts = alice.upload_form(VIDEO, files::slowly(&files::noise(40 << 20), 1 << 20, pause));
        let whole = alice.upload_form(VIDEO, files::slowly(&files::noise(400_000), 10_000, pause));
        let deletion = async {
            eventually(async || {
                media.count("uploads").await == 2 && media.count("uploads WHERE multipart_id IS NOT NULL").await == 1
            })
            .await;
            media.publish(deleted(ALICE)).await;
        };
        let (parts, whole, ()) = futures::future::join3(parts, whole, deletion).await;
        for reply in [parts, whole] {
            reply.refused(400, "UPLOAD_INCOMPLETE");
        }
        reported(&media).await;
        media.all_deleted().await;
        assert_eq!(rows_of(&media, ALICE).await, 0);
    })
    .await;
}

/// The process that received an upload has crashed: the erasure waits until its
/// heartbeat has expired.
#[tokio::test]
async fn uploads_interrupted_by_a_crash_are_erased() {
    on_each(&[], async |media| {
        media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.interrupt_uploads().await;
        media.publish(deleted(ALICE)).await;
        media.events_consumed().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(media.events.all::<UserErased>().is_empty());
        media.sandbox.process.clock.advance(Duration::from_secs(301));
        reported(&media).await;
        media.all_deleted().await;
        assert_eq!(rows_of(&media, ALICE).await, 0);
    })
    .await;
}

/// The receiving process was suspended until its row was deleted, then continues.
#[tokio::test]
async fn bytes_stored_after_the_row_was_deleted_are_deleted() {
    on_each(&[], async |media| {
        let (alice, resume) = (media.client(ALICE), Arc::new(Notify::new()));
        let sending = alice.upload_form(VIDEO, files::halves(&files::noise(300_000), &resume));
        let removing = async {
            eventually(async || media.count("uploads").await == 1).await;
            media.sandbox.execute("media", "DELETE FROM uploads").await;
            resume.notify_one();
        };
        let (reply, ()) = futures::future::join(sending, removing).await;
        reply.refused(400, "UPLOAD_INCOMPLETE");
        media.all_deleted().await;
    })
    .await;
}
