//! Playback: ranges, conditional requests, signed addresses.

use fenz_chassis::media_url::Audience;
use fenz_testkit::{Reply, eventually};
use reqwest::Method;

use crate::{files, harness::*};

#[tokio::test]
async fn ranges_as_players_request_them() {
    on_each(&[], async |media| {
        let file = files::noise(300_000);
        let id = media.uploaded(ALICE, VIDEO, &file).await;
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=100-199", 100, 199),
            ("bytes=299000-", 299_000, 299_999),
            ("bytes=-1000", 299_000, 299_999),
            ("bytes=0-9999999", 0, 299_999),
        ] {
            let part = media.play(id).header("range", range).send().await.unwrap();
            assert_eq!(part.status(), 206, "{range}");
            assert_eq!(part.headers()["content-range"], format!("bytes {first}-{last}/300000"));
            assert_eq!(part.headers()["content-length"], (last - first + 1).to_string());
            assert_eq!(part.bytes().await.unwrap(), file[first..=last], "{range}");
        }
        for range in ["bytes=300000-", "bytes=-0"] {
            let outside = Reply::of(media.play(id).header("range", range)).await;
            outside.refused(416, "RANGE_NOT_SATISFIABLE");
            assert_eq!(outside.header("content-range"), "bytes */300000");
        }
        for range in ["bytes=0-1,5-6", "lines=1-2"] {
            let whole = media.play(id).header("range", range).send().await.unwrap();
            assert_eq!((whole.status().as_u16(), whole.content_length()), (200, Some(300_000)), "{range}");
        }
    })
    .await;
}

#[tokio::test]
async fn conditional_requests_and_cache_headers() {
    let media = Media::on_sqlite(&[]).await;
    let file = files::noise(10_000);
    let id = media.uploaded(ALICE, VIDEO, &file).await;
    let whole = media.play(id).send().await.unwrap();
    let headers = whole.headers().clone();
    let etag = headers["etag"].to_str().unwrap();
    assert_eq!(etag, format!("\"{}\"", files::sha256(&file)));
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let cache = headers["cache-control"].to_str().unwrap();
    assert!(cache.starts_with("private, max-age=") && !cache.contains("max-age=0"), "{cache}");

    let known = media.play(id).header("if-none-match", etag).send().await.unwrap();
    assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, etag));
    assert!(known.bytes().await.unwrap().is_empty());
    let date = headers["last-modified"].to_str().unwrap();
    assert_eq!(media.play(id).header("if-modified-since", date).send().await.unwrap().status(), 304);
    for (condition, status) in [(etag, 206), (date, 206), ("\"other\"", 200)] {
        let reply = media.play(id).header("range", "bytes=0-1").header("if-range", condition).send().await.unwrap();
        assert_eq!(reply.status(), status, "{condition}");
    }

    let head = media.client(0).request(Method::HEAD, &media.signed(Audience::Everyone, id, 60)).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"10000".parse().unwrap()));
    assert_eq!(head.headers()["etag"], etag);
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn tampered_and_expired_addresses_are_refused() {
    let media = Media::on_sqlite(&[]).await;
    let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
    let client = media.client(0);
    let path = media.signed(Audience::Everyone, id, 60);
    for at in "/media/".len()..path.len() {
        for with in ['0', 'x', '/', '-', '~'] {
            let mut changed = path.clone();
            changed.replace_range(at..=at, &with.to_string());
            if changed == path {
                continue;
            }
            Reply::of(client.request(Method::GET, &changed)).await.refused(403, "URL_INVALID");
        }
    }
    let expired = media.signed(Audience::Everyone, id, -1);
    Reply::of(client.request(Method::GET, &expired)).await.refused(403, "URL_EXPIRED");
    Reply::of(media.play(id + 1)).await.refused(404, "UPLOAD_NOT_FOUND");
    // A token is optional, but an invalid one is rejected.
    Reply::of(media.play(id).bearer_auth("nonsense")).await.refused(401, "TOKEN_INVALID");
    let post = client.request(Method::POST, &path).send().await.unwrap();
    assert_eq!((post.status().as_u16(), &post.headers()["allow"]), (405, &"GET, HEAD".parse().unwrap()));
}

#[tokio::test]
async fn the_upload_of_a_deleted_video_is_not_playable() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        assert_eq!(media.status(id).await, 200);
        media.reserve(id, ALICE, "video", 1).await.unwrap();
        media.delete_video(1).await;
        // A status may be a quarter of a second old.
        eventually(async || media.status(id).await == 404).await;
    })
    .await;
}
