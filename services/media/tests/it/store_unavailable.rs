//! While the object store is unavailable.

use std::time::Duration;

use fenz_testkit::{Reply, eventually};

use crate::{files, harness::*, object_store::*};

#[tokio::test]
async fn requests_fail_and_recover_without_loss_or_leftovers() {
    for mut store in ObjectStore::available().await {
        let media = Media::on_sqlite(&store.settings()).await;
        let removed = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let kept = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.reserve(removed, ALICE, "video", 1).await.unwrap();
        media.reserve(kept, ALICE, "video", 2).await.unwrap();
        store.go_away(&media).await;

        let refused = media.client(ALICE).upload(VIDEO, &files::noise(10_000)).await;
        refused.refused(503, "UNAVAILABLE");
        Reply::of(media.play(kept)).await.refused(503, "UNAVAILABLE");
        media.delete_video(1).await;
        assert_eq!(media.status(removed).await, 404);
        assert_eq!(media.count("uploads").await, 3, "the kept, the removed and the failed one");

        store.come_back(&media).await;
        assert_eq!(media.status(kept).await, 200);
        eventually(async || media.count("uploads").await == 1).await;
        media.sandbox.process.clock.advance(Duration::from_secs(1));
        media.delete_video(2).await;
        media.all_deleted().await;
        for id in [removed, kept] {
            assert!(!store.has(&media, id).await);
        }
    }
}
