//! The main job: register, upload a real video, publish it; somebody else
//! watches it. The same standalone and as a fleet.

use std::time::Duration;

use reqwest::{Method, header::RANGE};
use serde_json::{Value, json};

use crate::{
    client::{Person, file, reason, video},
    platform::Platform,
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
    let url = &platform.url;
    let creator = Person::register(url, "creator").await;
    let viewer = Person::register(url, "viewer").await;
    let guest = Person::anonymous(url);

    let source = std::fs::read(video()).unwrap();
    let made = creator.publish("Test picture", &video()).await;
    assert_eq!((&made["channelId"], &made["ownerId"]), (&json!(creator.id), &json!(creator.id)));
    let probed = [&made["durationSeconds"], &made["width"], &made["height"]];
    assert_eq!(probed, [&json!(2), &json!(320), &json!(240)]);
    let path = format!("/api/v1/videos/{}", made["id"].as_str().unwrap());

    for person in [&guest, &viewer, &creator] {
        let seen = person.get(&path).await["video"].clone();
        assert_eq!(seen["title"], "Test picture");
        plays(&guest, seen["playbackUrl"].as_str().unwrap(), &source).await;
    }
    let poster = guest.request(Method::GET, made["thumbnailUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!((poster.status().as_u16(), &poster.headers()["content-type"]), (200, &"image/jpeg".parse().unwrap()));
    let listed = guest.get("/api/v1/videos").await;
    assert_eq!((&listed["total"], &listed["videos"][0]["id"]), (&json!("1"), &made["id"]));
    counts_views(&creator, &path).await;
    edits(&creator, &viewer, &path).await;
    deletes(platform, &creator, &guest, &path).await;
    signs_out(&creator).await;
}

/// Whole, in parts, and not at all with another signature.
async fn plays(guest: &Person, path: &str, source: &[u8]) {
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
    let etag = headers["etag"].to_str().unwrap();
    let again = guest.request(Method::GET, path).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let head = guest.request(Method::HEAD, path).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], source.len().to_string());
    let mut forged = path.to_owned();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    let refused = guest.request(Method::GET, &forged).send().await.unwrap();
    assert_eq!(reason(refused).await, (403, "URL_INVALID".into()));
}

/// The viewer and the guest were one view each, the owner none.
async fn counts_views(creator: &Person, path: &str) {
    for _ in 0..100 {
        let video = creator.get(path).await["video"].clone();
        if video["views"] == "2" {
            assert_eq!((&video["viewsMember"], &video["viewsNonMember"]), (&json!("0"), &json!("2")));
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the views are {}", creator.get(path).await);
}

async fn edits(creator: &Person, viewer: &Person, path: &str) {
    let tags = tags(&creator.url).await;
    let unknown = creator.refused(Method::PUT, path, json!({"tagIds": ["1"]})).await;
    assert_eq!(unknown, (404, "TAG_NOT_FOUND".into()));
    let change = json!({"title": "Renamed", "tagIds": tags});
    let denied = viewer.refused(Method::PUT, path, change.clone()).await;
    assert_eq!(denied, (403, "PERMISSION_DENIED".into()));
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let tag = creator.request(Method::GET, path).send().await.unwrap().headers()["etag"].clone();
    let put = |tag: &str| creator.request(Method::PUT, path).header("if-match", tag).json(&change).send();
    assert_eq!(reason(put("\"0\"").await.unwrap()).await, (412, "VERSION_MISMATCH".into()));
    assert_eq!(put(tag.to_str().unwrap()).await.unwrap().status(), 200);
    let video = creator.get(path).await["video"].clone();
    assert_eq!((&video["title"], &video["tagIds"]), (&json!("Renamed"), &json!(tags)));
    let cleared = creator.ok(Method::PUT, path, json!({"tagIds": []})).await["video"].clone();
    assert_eq!((&cleared["title"], &cleared["tagIds"]), (&json!("Renamed"), &json!([])));
}

/// Two tags that an administrator makes.
async fn tags(url: &str) -> Vec<Value> {
    let admin = Person::administrator(url).await;
    let mut ids = Vec::new();
    for (name, slug) in [("教學", "tutorial"), ("Vlog", "vlog")] {
        let made = admin.ok(Method::POST, "/api/v1/admin/tags", json!({"name": name, "slug": slug})).await;
        ids.push(made["tag"]["id"].clone());
    }
    ids
}

async fn deletes(platform: &Platform, creator: &Person, guest: &Person, path: &str) {
    let published = creator.refused(Method::DELETE, path, Value::Null).await;
    assert_eq!(published, (400, "VIDEO_NOT_UNPUBLISHED".into()));
    creator.ok(Method::PATCH, &format!("{path}/publish"), json!({"published": false})).await;
    assert_eq!(guest.refused(Method::GET, path, Value::Null).await, (404, "VIDEO_NOT_FOUND".into()));
    creator.get(path).await;
    assert!(!platform.objects().is_empty());
    creator.ok(Method::DELETE, path, Value::Null).await;
    assert_eq!(creator.refused(Method::GET, path, Value::Null).await, (404, "VIDEO_NOT_FOUND".into()));
    for _ in 0..150 {
        if platform.objects().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("files of a deleted video are left: {:?}", platform.objects());
}

/// A session that ended is refused by the gateway within a second.
async fn signs_out(creator: &Person) {
    creator.ok(Method::POST, "/api/v1/auth/logout", json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let dashboard = creator.refused(Method::GET, "/api/v1/dashboard/videos", Value::Null).await;
    assert_eq!(dashboard, (401, "TOKEN_INVALID".into()));
    let refresh = json!({"refreshToken": creator.refresh_token});
    let anonymous = Person::anonymous(&creator.url);
    assert_eq!(anonymous.refused(Method::POST, "/api/v1/auth/refresh", refresh).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_is_refused_and_leaves_nothing() {
    let platform = Platform::standalone(&[("FENZ_MEDIA__MAX_VIDEO_BYTES", "1000000")]).await;
    let creator = Person::register(&platform.url, "creator").await;
    let folder = platform.folder.path();
    let text = file(folder, "not.mp4", &b"just some words ".repeat(100));
    assert_eq!(reason(creator.upload("video", &text).await).await, (415, "UNSUPPORTED_FORMAT".into()));
    let mut bytes = std::fs::read(video()).unwrap();
    bytes.resize(3_000_000, 0);
    let large = file(folder, "large.mp4", &bytes);
    assert_eq!(reason(creator.upload("video", &large).await).await, (413, "FILE_TOO_LARGE".into()));
    let anonymous = Person::anonymous(&platform.url);
    assert_eq!(reason(anonymous.upload("video", &video()).await).await, (401, "UNAUTHENTICATED".into()));
    assert!(platform.objects().is_empty(), "{:?}", platform.objects());
}
