//! While the object store is unavailable.

use std::time::Duration;

use crate::{files, harness::*, object_store::*};

#[tokio::test]
async fn requests_fail_and_recover_without_loss_or_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let (_held, address) = held_address();
    let store = ObjectStore::start(folder.path(), address).await;
    let endpoint = format!("http://{address}");
    on_sqlite(&[("media.store.endpoint", &endpoint)], async |media| {
        let released = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let claimed = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.claim(released, ALICE, "video", "video/1").await.unwrap();
        media.claim(claimed, ALICE, "video", "video/2").await.unwrap();
        store.stop().await;

        let refused = media.upload(ALICE, VIDEO, &files::noise(10_000)).await;
        assert_eq!(refused.refusal(), (503, "UNAVAILABLE"));
        assert_eq!(Reply::of(media.play(claimed, &[]).await).await.refusal(), (503, "UNAVAILABLE"));
        media.release("video/1", 0, false).await;
        assert_eq!(media.play(released, &[]).await.status(), 404);
        assert_eq!(media.rows().await, 3, "the claimed, the released and the failed one");

        let store = ObjectStore::start(folder.path(), address).await;
        assert_eq!(media.play(claimed, &[]).await.status(), 200);
        eventually("only the claimed one is left", async || media.rows().await == 1).await;
        media.sandbox.process.clock.advance(Duration::from_secs(1));
        media.release("video/2", 0, false).await;
        media.all_deleted().await;
        store.stop().await;
    })
    .await;
}
