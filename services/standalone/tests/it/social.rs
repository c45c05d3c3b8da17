//! Services tell each other: a subscription opens videos, a publication reaches
//! the subscriber live and in the list.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Person, video},
    platform::Platform,
};

#[tokio::test(flavor = "multi_thread")]
async fn standalone() {
    subscribers_are_told(&Platform::standalone(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    // Processes of their own hear each other through a broker only.
    if fenz_testkit::Server::Nats.url().is_some() {
        subscribers_are_told(&Platform::fleet(&[]).await).await;
    }
}

async fn subscribers_are_told(platform: &Platform) {
    let url = &platform.url;
    let (creator, viewer) = (Person::register(url, "creator").await, Person::register(url, "viewer").await);
    let channel = format!("/api/v1/channels/{}", creator.id);
    eventually(&viewer, &channel, |reply| reply["channel"]["name"] == "creator").await;

    subscribes(&creator, &viewer, &channel).await;
    let ticket = viewer.ok(Method::POST, "/api/v1/notifications/stream-ticket", json!({})).await;
    let stream = format!("/api/v1/notifications/stream?ticket={}", ticket["ticket"].as_str().unwrap());
    let response = Person::anonymous(url).request(Method::GET, &stream).send().await.unwrap();
    assert_eq!(response.status(), 200);
    // The membership travels to the notification service before the video does.
    eventually(&creator, "/api/v1/notifications/unread-count", |reply| reply["count"] == "1").await;

    let published = Instant::now();
    let made = creator.publish("News of the day", &video()).await;
    let live = first_event(response).await;
    assert!(live.contains("News of the day") && live.contains("new_video"), "{live}");
    assert!(published.elapsed() < Duration::from_secs(10));
    let list = viewer.get("/api/v1/notifications").await;
    assert_eq!((&list["total"], &list["notifications"][0]["type"]), (&json!("1"), &json!("new_video")));
    viewer.ok(Method::PUT, "/api/v1/notifications/read-all", json!({})).await;
    assert_eq!(viewer.get("/api/v1/notifications/unread-count").await["count"], "0");
    let feed = viewer.get("/api/v1/videos/subscriptions").await;
    assert_eq!(feed["videos"][0]["id"], made["id"]);
    assert_eq!(creator.get("/api/v1/videos/subscriptions").await["total"], "0");
    opens_to_members(&creator, &viewer, &channel).await;
}

async fn subscribes(creator: &Person, viewer: &Person, channel: &str) {
    let subscribe = format!("{channel}/subscribe");
    let own = creator.refused(Method::POST, &subscribe, json!({})).await;
    assert_eq!(own, (400, "CANNOT_SUBSCRIBE_SELF".into()));
    let membership = viewer.ok(Method::POST, &subscribe, json!({})).await["membership"].clone();
    assert_eq!((&membership["tier"], &membership["status"]), (&json!("subscriber"), &json!("active")));
    let again = viewer.refused(Method::POST, &subscribe, json!({})).await;
    assert_eq!(again, (409, "ALREADY_SUBSCRIBED".into()));
    let seen = viewer.get(channel).await["channel"].clone();
    assert_eq!((&seen["subscriberCount"], &seen["membershipTier"]), (&json!("1"), &json!("subscriber")));
}

/// A tier-1 video plays for members and nobody else.
async fn opens_to_members(creator: &Person, viewer: &Person, channel: &str) {
    let upload: Value = creator.upload("video", &video()).await.json().await.unwrap();
    let body =
        json!({"title": "For members", "videoUploadId": upload["upload"]["id"], "accessTier": 1, "publish": true});
    let made = creator.ok(Method::POST, "/api/v1/videos", body).await["video"].clone();
    let path = format!("/api/v1/videos/{}", made["id"].as_str().unwrap());
    assert!(viewer.get(&path).await["video"]["playbackUrl"].is_string());
    let guest = Person::anonymous(&viewer.url);
    assert_eq!(guest.refused(Method::GET, &path, Value::Null).await, (403, "MEMBERSHIP_REQUIRED".into()));
    let left = viewer.ok(Method::DELETE, &format!("{channel}/subscribe"), Value::Null).await;
    assert_eq!(left["membership"]["tier"], "none");
    for _ in 0..100 {
        let answer = viewer.send(Method::GET, &path, Value::Null).await;
        if answer.status() == 403 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a membership that ended still opens the video");
}

/// Asks until the answer is as wanted.
async fn eventually(person: &Person, path: &str, wanted: impl Fn(&Value) -> bool) {
    let mut last = String::new();
    for _ in 0..200 {
        let answer = person.send(Method::GET, path, Value::Null).await;
        last = answer.text().await.unwrap();
        if serde_json::from_str(&last).is_ok_and(|reply| wanted(&reply)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} stays at {last}");
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
