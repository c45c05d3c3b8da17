//! The main job: register, upload a real video, publish it; somebody else
//! watches it. The same standalone and as a fleet.

use std::time::Duration;

use fenz_testkit::{Client, PASSWORD, Reply, eventually, within};
use reqwest::{Method, header::RANGE};
use serde_json::{Value, json};

use crate::{
    platform::Platform,
    videos::{path, publish, video},
};

#[tokio::test(flavor = "multi_thread")]
async fn standalone() {
    journey(&Platform::standalone(&[("FENZ_CONTENT__EDIT_COOLDOWN", "2s")]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    journey(&Platform::fleet(&[("FENZ_CONTENT__EDIT_COOLDOWN", "2s")]).await).await;
}

async fn journey(platform: &Platform) {
    let creator = platform.register("creator").await;
    let viewer = platform.register("viewer").await;
    let guest = &platform.client;

    let made = publish(&creator, "Test picture").await;
    assert_eq!((&made["channelId"], &made["ownerId"]), (&json!(creator.user()), &json!(creator.user())));
    let probed = [&made["durationSeconds"], &made["width"], &made["height"]];
    assert_eq!(probed, [&json!(2), &json!(320), &json!(240)]);
    let path = path(&made);

    for person in [guest, &viewer, &creator] {
        let seen = person.get(&path).await.ok("video");
        assert_eq!(seen["title"], "Test picture");
        plays(guest, seen["playbackUrl"].as_str().unwrap()).await;
    }
    let poster = Reply::of(guest.request(Method::GET, made["thumbnailUrl"].as_str().unwrap())).await;
    assert_eq!((poster.status, poster.header("content-type")), (200, "image/jpeg"));
    let listed = guest.get("videos").await;
    assert_eq!((listed.text("total"), &listed.ok("videos")[0]["id"]), ("1", &made["id"]));
    counts_views(&creator, &path).await;
    edits(platform, &creator, &viewer, &path).await;
    deletes(platform, &creator, &path).await;
    signs_out(platform).await;
}

/// Whole, in parts, and not at all with another signature.
async fn plays(guest: &Client, path: &str) {
    let source = video();
    let get = async |range: &str| {
        let request = guest.request(Method::GET, path);
        let request = if range.is_empty() { request } else { request.header(RANGE, range) };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.headers().clone(), response.bytes().await.unwrap())
    };
    let (status, headers, bytes) = get("").await;
    assert_eq!((status, &headers["content-type"], bytes.as_ref()), (200, &"video/mp4".parse().unwrap(), source));
    assert_eq!(headers["accept-ranges"], "bytes");
    let (status, headers, bytes) = get("bytes=100-199").await;
    assert_eq!((status, bytes.as_ref()), (206, &source[100..200]));
    assert_eq!(headers["content-range"], format!("bytes 100-199/{}", source.len()));
    let (status, _, bytes) = get("bytes=-50").await;
    assert_eq!((status, bytes.as_ref()), (206, &source[source.len() - 50..]));
    assert_eq!(get("bytes=999999999-").await.0, 416);
    let again = guest.request(Method::GET, path).header("if-none-match", &headers["etag"]);
    Reply::of(again).await.expect(304);
    let head = Reply::of(guest.request(Method::HEAD, path)).await;
    assert_eq!(head.header("content-length"), source.len().to_string());
    let mut forged = path.to_owned();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    Reply::of(guest.request(Method::GET, &forged)).await.refused(403, "URL_INVALID");
}

/// The viewer and the guest were one view each, the owner none.
async fn counts_views(creator: &Client, path: &str) {
    eventually(async || creator.get(path).await.ok("video")["views"] == "2").await;
    let video = creator.get(path).await.ok("video");
    assert_eq!((&video["viewsMember"], &video["viewsNonMember"]), (&json!("0"), &json!("2")));
}

async fn edits(platform: &Platform, creator: &Client, viewer: &Client, path: &str) {
    let tags = tags(platform).await;
    creator.put(path, &json!({"tagIds": ["1"]})).await.refused(404, "TAG_NOT_FOUND");
    let change = json!({"title": "Renamed", "tagIds": tags});
    viewer.put(path, &change).await.refused(403, "PERMISSION_DENIED");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let seen = creator.get(path).await;
    creator.put_if_match(path, "\"0\"", &change).await.refused(412, "VERSION_MISMATCH");
    creator.put_if_match(path, seen.header("etag"), &change).await.expect(200);
    let video = creator.get(path).await.ok("video");
    assert_eq!((&video["title"], &video["tagIds"]), (&json!("Renamed"), &json!(tags)));
    let cleared = creator.put(path, &json!({"tagIds": []})).await.ok("video");
    assert_eq!((&cleared["title"], &cleared["tagIds"]), (&json!("Renamed"), &json!([])));
}

/// Two tags that an administrator makes.
async fn tags(platform: &Platform) -> Vec<Value> {
    let admin = platform.administrator().await;
    let mut ids = Vec::new();
    for (name, slug) in [("教學", "tutorial"), ("Vlog", "vlog")] {
        let made = admin.post("admin/tags", &json!({"name": name, "slug": slug})).await;
        ids.push(made.ok("tag")["id"].clone());
    }
    ids
}

async fn deletes(platform: &Platform, creator: &Client, path: &str) {
    creator.delete(path).await.refused(400, "VIDEO_NOT_UNPUBLISHED");
    creator.patch(&format!("{path}/publish"), &json!({"published": false})).await.expect(200);
    platform.client.get(path).await.refused(404, "VIDEO_NOT_FOUND");
    creator.get(path).await.expect(200);
    assert!(!platform.objects().is_empty());
    creator.delete(path).await.expect(200);
    creator.get(path).await.refused(404, "VIDEO_NOT_FOUND");
    within(Duration::from_secs(15), async || platform.objects().is_empty()).await;
}

/// A session that ended is refused by the gateway too.
async fn signs_out(platform: &Platform) {
    let session = platform.client.login("creator", PASSWORD).await;
    let creator = platform.client.signed_in(&session);
    creator.post("auth/logout", &json!({})).await.expect(200);
    eventually(async || creator.get("dashboard/videos").await.status == 401).await;
    creator.get("dashboard/videos").await.refused(401, "TOKEN_INVALID");
    let refresh = json!({"refreshToken": session.text("refreshToken")});
    platform.client.post("auth/refresh", &refresh).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_is_refused_and_leaves_nothing() {
    let platform = Platform::standalone(&[("FENZ_MEDIA__MAX_VIDEO_BYTES", "1000000")]).await;
    let creator = platform.register("creator").await;
    let text = b"just some words ".repeat(100);
    creator.upload("video", &text).await.refused(415, "UNSUPPORTED_FORMAT");
    let mut large = video().to_vec();
    large.resize(3_000_000, 0);
    creator.upload("video", &large).await.refused(413, "FILE_TOO_LARGE");
    platform.client.upload("video", video()).await.refused(401, "UNAUTHENTICATED");
    assert!(platform.objects().is_empty(), "{:?}", platform.objects());
}
