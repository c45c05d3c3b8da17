//! The sweeper, also after a crash and while the object store is unavailable.

use std::time::Duration;

use crate::{files, harness::*};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn unused_uploads_are_removed_after_a_day() {
    on_each(&[], async |media| {
        let used = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.claim(used, ALICE, "video", "video/1").await.unwrap();
        let unused = media.uploaded(ALICE, VIDEO, &files::mp4()).await;
        media.sandbox.process.clock.advance(Duration::from_secs(23 * 3600));
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(media.rows().await, 3, "the video, its poster, and the claimed one");
        media.sandbox.process.clock.advance(Duration::from_secs(2 * 3600));
        eventually("the unused one is removed", async || media.rows().await == 1).await;
        assert_eq!(media.play(used, &[]).await.status(), 200);
        assert_eq!(media.claim(unused, ALICE, "video", "video/2").await.unwrap_err(), "UPLOAD_NOT_FOUND");
        // Unclaimed, it is kept for a day again.
        media.release("video/1", 0, true).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(media.rows().await, 1);
        media.sandbox.process.clock.advance(DAY);
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn uploads_interrupted_by_a_crash_are_removed() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media
            .execute("UPDATE uploads SET state = 'receiving', multipart_id = '6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4'")
            .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(media.rows().await, 1, "another replica may work on it");
        media.sandbox.process.clock.advance(Duration::from_secs(301));
        media.all_deleted().await;
        assert_eq!(media.play(id, &[]).await.status(), 404);
    })
    .await;
}

#[tokio::test]
async fn a_slow_upload_is_not_interrupted() {
    on_each(&[("media.interrupted_after", "1s")], async |media| {
        let chunks = futures::stream::iter(files::noise(50_000).chunks(10_000).map(<[u8]>::to_vec).collect::<Vec<_>>());
        let slow = futures::StreamExt::then(chunks, async |chunk| {
            tokio::time::sleep(Duration::from_millis(700)).await;
            Ok::<_, std::io::Error>(chunk)
        });
        let part = reqwest::multipart::Part::stream(reqwest::Body::wrap_stream(slow));
        let reply = media.send(ALICE, VIDEO, reqwest::multipart::Form::new().part("file", part)).await;
        assert_eq!(reply.status, 200, "{:?}", reply.json);
    })
    .await;
}

#[tokio::test]
async fn a_failed_deletion_is_retried() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.claim(id, ALICE, "video", "video/1").await.unwrap();
        // A folder in the object's place makes the deletion fail.
        let object = media.sandbox.objects().join(format!("fenzvideo/uploads/{id}"));
        std::fs::rename(&object, object.with_extension("moved")).unwrap();
        std::fs::create_dir(&object).unwrap();
        media.release("video/1", 0, false).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!((media.rows().await, media.play(id, &[]).await.status().as_u16()), (1, 404));
        std::fs::remove_dir(&object).unwrap();
        std::fs::rename(object.with_extension("moved"), &object).unwrap();
        media.all_deleted().await;
    })
    .await;
}
