//! Events between services: a subscription opens videos, a publication reaches
//! the subscriber live and in the list.

use std::time::Duration;

use fenz_testkit::{Client, eventually};
use futures::StreamExt;
use reqwest::Method;
use serde_json::json;

use crate::{
    platform::Platform,
    videos::{path, publish, publish_with},
};

#[tokio::test(flavor = "multi_thread")]
async fn standalone() {
    subscribers_are_told(&Platform::standalone(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    // Separate processes reach each other through a broker only.
    if fenz_testkit::Server::Nats.url().is_some() {
        subscribers_are_told(&Platform::fleet(&[]).await).await;
    }
}

async fn subscribers_are_told(platform: &Platform) {
    let (creator, viewer) = (platform.register("creator").await, platform.register("viewer").await);
    let channel = format!("channels/{}", creator.user());
    eventually(async || viewer.get(&channel).await.body["channel"]["name"] == "creator").await;

    subscribes(&creator, &viewer, &channel).await;
    let ticket = viewer.post("notifications/stream-ticket", &json!({})).await;
    let stream = format!("/api/v1/notifications/stream?ticket={}", ticket.text("ticket"));
    let response = platform.client.request(Method::GET, &stream).send().await.unwrap();
    assert_eq!(response.status(), 200);
    // The membership travels to the notification service before the video does.
    eventually(async || creator.get("notifications/unread-count").await.ok("count") == "1").await;

    let made = publish(&creator, "News of the day").await;
    let live = first_event(response).await;
    assert!(live.contains("News of the day") && live.contains("new_video"), "{live}");
    let list = viewer.get("notifications").await;
    assert_eq!((list.text("total"), &list.ok("notifications")[0]["type"]), ("1", &json!("new_video")));
    viewer.put("notifications/read-all", &json!({})).await.expect(200);
    assert_eq!(viewer.get("notifications/unread-count").await.ok("count"), "0");
    assert_eq!(viewer.get("videos/subscriptions").await.ok("videos")[0]["id"], made["id"]);
    assert_eq!(creator.get("videos/subscriptions").await.ok("total"), "0");
    opens_to_members(platform, &creator, &viewer, &channel).await;
}

async fn subscribes(creator: &Client, viewer: &Client, channel: &str) {
    let subscribe = format!("{channel}/subscribe");
    creator.post(&subscribe, &json!({})).await.refused(400, "CANNOT_SUBSCRIBE_SELF");
    let membership = viewer.post(&subscribe, &json!({})).await.ok("membership");
    assert_eq!((&membership["tier"], &membership["status"]), (&json!("subscriber"), &json!("active")));
    viewer.post(&subscribe, &json!({})).await.refused(409, "ALREADY_SUBSCRIBED");
    let seen = viewer.get(channel).await.ok("channel");
    assert_eq!((&seen["subscriberCount"], &seen["membershipTier"]), (&json!("1"), &json!("subscriber")));
}

/// A tier-1 video plays for members and nobody else.
async fn opens_to_members(platform: &Platform, creator: &Client, viewer: &Client, channel: &str) {
    let path = path(&publish_with(creator, "For members", json!({"accessTier": 1})).await);
    assert!(viewer.get(&path).await.ok("video")["playbackUrl"].is_string());
    platform.client.get(&path).await.refused(403, "MEMBERSHIP_REQUIRED");
    let left = viewer.delete(&format!("{channel}/subscribe")).await;
    assert_eq!(left.ok("membership")["tier"], "none");
    eventually(async || viewer.get(&path).await.status == 403).await;
}

async fn first_event(response: reqwest::Response) -> String {
    let mut text = String::new();
    let mut chunks = response.bytes_stream();
    let reading = async {
        while let Some(chunk) = chunks.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
            if text.lines().any(|line| line.starts_with("data:")) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("an event on the open stream");
    text
}
