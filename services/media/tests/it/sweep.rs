//! The sweeper, also after a crash and while the object store is unavailable.

use std::time::Duration;

use fenz_testkit::{eventually, id, mp4};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{files, harness::*};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn unused_uploads_are_removed_after_a_day() {
    on_each(&[], async |media| {
        let used = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.reserve(used, ALICE, "video", 1).await.unwrap();
        let unused = id(&media.processed(ALICE, VIDEO, mp4()).await);
        media.sandbox.process.clock.advance(Duration::from_secs(23 * 3600));
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(media.count("uploads").await, 3, "the video, its poster, and the reserved one");
        media.sandbox.process.clock.advance(Duration::from_secs(2 * 3600));
        eventually(async || media.count("uploads").await == 1).await;
        assert_eq!(media.status(used).await, 200);
        assert_eq!(media.reserve(unused, ALICE, "video", 2).await.unwrap_err(), "UPLOAD_NOT_FOUND");
        // Released, it is kept for a day again.
        media.release(1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(media.count("uploads").await, 1);
        media.sandbox.process.clock.advance(DAY);
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn uploads_interrupted_by_a_crash_are_removed() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.interrupt_uploads().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(media.count("uploads").await, 1, "another replica may work on it");
        media.sandbox.process.clock.advance(Duration::from_secs(301));
        media.all_deleted().await;
        assert_eq!(media.status(id).await, 404);
    })
    .await;
}

#[tokio::test]
async fn a_slow_upload_is_not_interrupted() {
    on_each(&[("media.interrupted_after", "8s")], async |media| {
        let form = files::slowly(&files::noise(50_000), 10_000, Duration::from_secs(2));
        media.client(ALICE).upload_form(VIDEO, form).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_failed_deletion_is_retried() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.reserve(id, ALICE, "video", 1).await.unwrap();
        // A folder in the object's place makes the deletion fail.
        let object = media.sandbox.objects().join(format!("fenzvideo/uploads/{id}"));
        std::fs::rename(&object, object.with_extension("moved")).unwrap();
        std::fs::create_dir(&object).unwrap();
        media.delete_video(1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!((media.count("uploads").await, media.status(id).await), (1, 404));
        // Swapped at once: between two steps the sweeper would find nothing to delete.
        let moved = object.with_extension("moved");
        renameat_with(CWD, &moved, CWD, &object, RenameFlags::EXCHANGE).unwrap();
        std::fs::remove_dir(&moved).unwrap();
        media.all_deleted().await;
    })
    .await;
}
