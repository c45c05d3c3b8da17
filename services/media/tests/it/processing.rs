//! What is found out about a video after its upload, and who is told.

use fenz_contract::events::v1::{UploadProcessed, VideoChanged};
use fenz_testkit::{eventually, id, mp4};

use crate::{files, harness::*};

const CLIP: i64 = 1;

/// A video object with a file, as content publishes it.
fn changed(version: i64, file: i64, thumbnail: i64) -> VideoChanged {
    VideoChanged {
        video_id: CLIP,
        channel_id: ALICE,
        owner_id: ALICE,
        version,
        video_upload_id: file,
        thumbnail_upload_id: thumbnail,
        is_processing: true,
        ..VideoChanged::default()
    }
}

#[tokio::test]
async fn an_upload_is_its_owners_alone() {
    let media = Media::on_sqlite(&[]).await;
    let upload = media.processed(ALICE, VIDEO, mp4()).await;
    let path = format!("uploads/{}", id(&upload));
    media.client(BOB).get(&path).await.refused(404, "UPLOAD_NOT_FOUND");
    media.client(0).get(&path).await.refused(401, "UNAUTHENTICATED");
    media.client(ALICE).get("uploads/5").await.refused(404, "UPLOAD_NOT_FOUND");
    let picture = media.client(ALICE).upload(THUMBNAIL, fenz_testkit::PNG).await.ok("upload");
    assert_eq!(picture["status"], "ready", "pictures are decoded within the request");
    let poster = media.reserve(id(&upload), ALICE, "video", CLIP).await.unwrap().poster_upload_id;
    media.client(ALICE).get(&format!("uploads/{poster}")).await.refused(404, "UPLOAD_NOT_FOUND");
}

#[tokio::test]
async fn the_video_is_told_whichever_comes_first() {
    on_each(&[], async |media| {
        // Processed first: told when the video says that it does not know yet.
        let upload = id(&media.processed(ALICE, VIDEO, mp4()).await);
        let poster = media.reserve(upload, ALICE, "video", CLIP).await.unwrap().poster_upload_id;
        assert_ne!(poster, 0);
        media.publish(changed(1, upload, 0)).await;
        eventually(async || !media.events.all::<UploadProcessed>().is_empty()).await;
        let told: UploadProcessed = media.events.all().remove(0);
        assert_eq!((told.upload_id, told.video_id, told.owner_id), (upload, CLIP, ALICE));
        assert_eq!((told.failure.as_str(), told.width, told.poster_upload_id), ("", 160, poster));

        // An edit that comes in between does not remove the poster; a thumbnail of the
        // owner's does.
        media.publish(changed(2, upload, 0)).await;
        media.events_consumed().await;
        assert_eq!(media.count(&format!("uploads WHERE id = {poster} AND state = 'stored'")).await, 1);
        let picture = media.uploaded(ALICE, THUMBNAIL, fenz_testkit::PNG).await;
        media.reserve(picture, ALICE, "image", CLIP).await.unwrap();
        media.publish(VideoChanged { is_processing: false, ..changed(3, upload, picture) }).await;
        eventually(async || media.count(&format!("uploads WHERE id = {poster}")).await == 0).await;
        assert_eq!(media.status_for_insider(picture).await, 200);
        media.delete_video(CLIP).await;
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn a_video_that_is_removed_while_it_is_processed_leaves_nothing() {
    on_each(&[], async |media| {
        let large = files::ffmpeg("long.mkv", "-f lavfi -i testsrc2=s=640x360:d=4:r=25 -c:v mpeg4");
        let upload = media.client(ALICE).upload(VIDEO, &large).await.id("upload");
        media
            .sandbox
            .execute(
                "media",
                &format!("UPDATE uploads SET used_by_kind = 'video', used_by_id = {CLIP} WHERE id = {upload}"),
            )
            .await;
        media.delete_video(CLIP).await;
        media.all_deleted().await;
        media.sandbox.jobs_done("media").await;
        assert_eq!(media.files(), Vec::<String>::new());
    })
    .await;
}
