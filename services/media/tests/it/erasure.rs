//! Forgetting a user: rows, objects, and what is on its way.

use std::time::Duration;

use fenz_contract::events::v1::{ChannelChanged, UserDeleted, VideoChanged, VideoDeleted};
use futures::StreamExt;
use reqwest::multipart::{Form, Part};

use crate::{files, harness::*, store::*};

fn deleted(user_id: i64) -> UserDeleted {
    UserDeleted { user_id, erasure_id: 900 + user_id, version: 50, ..UserDeleted::default() }
}

fn video(video_id: i64, owner_id: i64, version: i64) -> VideoChanged {
    VideoChanged { video_id, channel_id: owner_id, owner_id, is_published: true, version, ..VideoChanged::default() }
}

async fn rows_of(media: &Media, user: i64) -> i64 {
    let mut rows = 0;
    for table in ["uploads", "daily_usage", "video_states", "channel_states"] {
        rows += media.number(&format!("SELECT COUNT(*) AS n FROM {table} WHERE owner_id = {user}")).await;
    }
    rows + media.number(&format!("SELECT COUNT(*) AS n FROM video_states WHERE channel_id = {user}")).await
}

async fn reported(media: &Media) {
    eventually("it is reported", async || !media.heard.erased.lock().unwrap().is_empty()).await;
    eventually("and done", async || media.number("SELECT COUNT(*) AS n FROM erasures").await == 0).await;
}

#[tokio::test]
async fn nothing_of_fifty_uploads_is_left() {
    on_each(&[], async |media| {
        let kept = media.uploaded(BOB, THUMBNAIL, &files::png()).await;
        let files_kept = media.files();
        let png = files::png();
        let mut ids = Vec::new();
        for n in 0..49 {
            let id = media.uploaded(ALICE, THUMBNAIL, &png).await;
            if n % 2 == 0 {
                media.claim(id, ALICE, "image", &format!("video/{n}")).await.unwrap();
            }
            ids.push(id);
        }
        let with_poster = media.uploaded(ALICE, VIDEO, &files::mp4()).await;
        media.claim(with_poster, ALICE, "video", "video/100").await.unwrap();
        ids.push(with_poster);
        media.tell(video(2, ALICE, 1)).await;
        let channel = ChannelChanged { channel_id: ALICE, owner_id: ALICE, version: 1, ..ChannelChanged::default() };
        media.tell(channel.clone()).await;
        media.heard_all().await;
        assert_eq!(media.play_outside(ids[0]).await.0, 200);

        // Content's word for some of the files comes before, for others after.
        media.release("video/4", 0, false).await;
        media.tell(deleted(ALICE)).await;
        reported(&media).await;
        media.release("video/6", 0, false).await;
        for id in &ids {
            assert_eq!(media.play_outside(*id).await, (404, "UPLOAD_NOT_FOUND".to_owned()));
            assert_eq!(media.play_inside(*id).await, 404);
        }
        assert_eq!(rows_of(&media, ALICE).await, 0);
        assert_eq!((media.rows().await, media.play_outside(kept).await.0), (1, 200));
        assert_eq!(media.files(), files_kept);
        let report = media.heard.erased.lock().unwrap()[0].clone();
        assert_eq!((report.service.as_str(), report.user_id, report.erasure_id), ("media", ALICE, 907));
        // The sweeper takes some of them.
        assert!(report.removed > 0, "{report:?}");

        // Late events and a token that still lives bring nothing back.
        media.tell(channel).await;
        media.tell(video(2, ALICE, 7)).await;
        media.tell(VideoDeleted { video_id: 3, channel_id: ALICE, version: 2, ..VideoDeleted::default() }).await;
        media.heard_all().await;
        assert_eq!(media.upload(ALICE, THUMBNAIL, &png).await.refusal(), (401, "UNAUTHENTICATED"));
        assert_eq!(media.upload(ALICE, VIDEO, &files::noise(10_000)).await.refusal(), (401, "UNAUTHENTICATED"));
        assert_eq!(rows_of(&media, ALICE).await, 0);
    })
    .await;
}

#[tokio::test]
async fn it_waits_for_the_object_store() {
    let folder = tempfile::tempdir().unwrap();
    let (_held, address) = held_address();
    let endpoint = format!("http://{address}");
    for database in fenz_testkit::Database::available() {
        let store = Store::start(folder.path(), address).await;
        let media = Media::start(database, &[("media.store.endpoint", &endpoint), ("media.sweep_every", "1h")]).await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await);
        }
        store.go().await;
        media.tell(deleted(ALICE)).await;
        for id in &ids {
            eventually("it does not play", async || media.play_outside(*id).await.1 == "UPLOAD_NOT_FOUND").await;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(media.heard.erased.lock().unwrap().is_empty());
        assert_eq!(media.rows().await, 5);
        let store = Store::start(folder.path(), address).await;
        media.sandbox.process.clock.advance(Duration::from_secs(30));
        reported(&media).await;
        assert_eq!(rows_of(&media, ALICE).await, 0);
        assert_eq!(std::fs::read_dir(folder.path().join("fenzvideo/uploads")).map_or(0, Iterator::count), 0);
        media.sandbox.stop().await;
        store.go().await;
    }
}

/// Sends the chunks of a file, one every `pause`.
fn slowly(bytes: &[u8], chunk: usize, pause: Duration) -> Form {
    let chunks: Vec<_> = bytes.chunks(chunk).map(<[u8]>::to_vec).collect();
    let slow = futures::stream::iter(chunks).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(chunk)
    });
    Form::new().part("file", Part::stream(reqwest::Body::wrap_stream(slow)))
}

#[tokio::test]
async fn an_upload_under_way_does_not_survive() {
    on_each(&[], async |media| {
        // One in parts, one in a single piece; each would take many seconds more.
        let parts = media.send(ALICE, VIDEO, slowly(&files::noise(40 << 20), 1 << 20, Duration::from_millis(150)));
        let whole = media.send(ALICE, VIDEO, slowly(&files::noise(400_000), 10_000, Duration::from_millis(150)));
        let order = async {
            tokio::time::sleep(Duration::from_millis(2_000)).await;
            assert_eq!(media.rows().await, 2);
            media.tell(deleted(ALICE)).await;
        };
        let (parts, whole, ()) = futures::future::join3(parts, whole, order).await;
        for reply in [parts, whole] {
            assert_eq!(reply.refusal(), (400, "UPLOAD_INCOMPLETE"), "{reply:?}");
        }
        reported(&media).await;
        media.nothing_stays().await;
        assert_eq!(rows_of(&media, ALICE).await, 0);
    })
    .await;
}

/// The process that took an upload in is gone: the erasure waits until that is
/// sure, then removes what is left.
#[tokio::test]
async fn what_a_crash_left_is_erased_too() {
    on_each(&[], async |media| {
        media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media
            .execute("UPDATE uploads SET state = 'receiving', multipart_id = '6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4'")
            .await;
        media.tell(deleted(ALICE)).await;
        media.heard_all().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(media.heard.erased.lock().unwrap().is_empty());
        media.sandbox.process.clock.advance(Duration::from_secs(301));
        reported(&media).await;
        media.nothing_stays().await;
        assert_eq!(rows_of(&media, ALICE).await, 0);
    })
    .await;
}

/// A receiver that stood still until its row was removed, and then goes on.
#[tokio::test]
async fn what_comes_after_the_row_is_gone_is_removed() {
    on_each(&[], async |media| {
        let sending = media.send(ALICE, VIDEO, slowly(&files::noise(100_000), 50_000, Duration::from_millis(700)));
        let removing = async {
            eventually("it has begun", async || media.rows().await == 1).await;
            media.execute("DELETE FROM uploads").await;
        };
        let (reply, ()) = futures::future::join(sending, removing).await;
        assert_eq!(reply.refusal(), (400, "UPLOAD_INCOMPLETE"), "{reply:?}");
        media.nothing_stays().await;
    })
    .await;
}
