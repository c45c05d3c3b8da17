//! What happens while the object store is away.

use std::time::Duration;

use crate::{files, harness::*, store::*};

#[tokio::test]
async fn callers_are_told_and_nothing_is_lost_or_left() {
    let folder = tempfile::tempdir().unwrap();
    let (_held, address) = held_address();
    let store = Store::start(folder.path(), address).await;
    let endpoint = format!("http://{address}");
    on_sqlite(&[("media.store.endpoint", &endpoint)], async |media| {
        let released = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let kept = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.claim(released, ALICE, "video", "video/1").await.unwrap();
        media.claim(kept, ALICE, "video", "video/2").await.unwrap();
        store.go().await;

        let refused = media.upload(ALICE, VIDEO, &files::noise(10_000)).await;
        assert_eq!(refused.refusal(), (503, "UNAVAILABLE"));
        assert_eq!(Reply::of(media.play(kept, &[]).await).await.refusal(), (503, "UNAVAILABLE"));
        media.release("video/1", 0, false).await;
        assert_eq!(media.play(released, &[]).await.status(), 404);
        assert_eq!(media.rows().await, 3, "the kept, the released and the broken one");

        let store = Store::start(folder.path(), address).await;
        assert_eq!(media.play(kept, &[]).await.status(), 200);
        eventually("only the kept one is left", async || media.rows().await == 1).await;
        media.sandbox.process.clock.advance(Duration::from_secs(1));
        media.release("video/2", 0, false).await;
        media.nothing_stays().await;
        store.go().await;
    })
    .await;
}
