//! An account's whole life: hidden, restored, deleted, and nothing left of it
//! anywhere, though services and Redis were away meanwhile.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Person, video},
    platform::Platform,
    remains,
    wait::{SOON, within},
};

const VIDEOS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn standalone() {
    let platform = Platform::standalone(&[]).await;
    hidden_and_restored(&platform).await;
    let gone = Gone::prepare(&platform, 5).await;
    let erasure = gone.delete(&platform).await;
    gone.nothing_is_left(&platform, &erasure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    // Processes of their own hear each other through a broker only.
    if fenz_testkit::Server::Nats.url().is_none() {
        return;
    }
    let mut platform = Platform::fleet(&[("FENZ_ADMIN__ERASURE_RETRY", "2s")]).await;
    hidden_and_restored(&platform).await;
    let gone = Gone::prepare(&platform, VIDEOS).await;
    platform.kill("media").await;
    if let Some(redis) = &mut platform.redis {
        redis.kill();
    }
    let erasure = gone.delete(&platform).await;
    let admin = Person::administrator(&platform.url).await;
    let path = format!("/api/v1/admin/erasures/{erasure}");
    within(Duration::from_secs(20), "the erasure is followed", async || {
        let reply = admin.send(Method::GET, &path, Value::Null).await.json::<Value>().await.unwrap();
        let done = |name: &str| {
            let steps = reply["erasure"]["services"].as_array().cloned().unwrap_or_default();
            steps.iter().any(|step| step["service"] == name && step["status"] == "done")
        };
        // Auth and content wait for media's word that the files are gone.
        done("channel") && done("notification") && !done("media") && reply["erasure"]["status"] == "running"
    })
    .await;
    platform.restart("media");
    if let Some(redis) = &mut platform.redis {
        redis.run().await;
    }
    gone.nothing_is_left(&platform, &erasure).await;
}

/// What a viewer sees of a creator.
struct Sight<'a> {
    viewer: &'a Person,
    creator: &'a str,
    video: String,
    playback: String,
}

impl Sight<'_> {
    async fn status(&self, path: &str) -> u16 {
        self.viewer.send(Method::GET, path, Value::Null).await.status().as_u16()
    }

    /// Where the video, the channel or what they tell is seen.
    async fn seen(&self) -> Vec<&'static str> {
        let mut seen = Vec::new();
        for (name, path) in [
            ("channel", format!("/api/v1/channels/{}", self.creator)),
            ("video", format!("/api/v1/videos/{}", self.video)),
            ("playback", self.playback.clone()),
        ] {
            if self.status(&path).await == 200 {
                seen.push(name);
            }
        }
        for (name, path) in [
            ("list", "/api/v1/videos"),
            ("feed", "/api/v1/videos/subscriptions"),
            ("subscriptions", "/api/v1/user/subscriptions"),
            ("notifications", "/api/v1/notifications"),
            ("recommended", "/api/v1/videos/recommended"),
            ("search", "/api/v1/search?query=glacier"),
        ] {
            let text = self.viewer.get(path).await.to_string();
            if text.contains(&self.video) || text.contains(&format!("\"{}\"", self.creator)) {
                seen.push(name);
            }
        }
        seen
    }

    async fn everything_is_seen(&self) {
        let everything = 9;
        within(Duration::from_secs(10), "everything is seen", async || self.seen().await.len() == everything).await;
    }

    async fn nothing_is_seen(&self) {
        let took = within(SOON, "nothing is seen", async || self.seen().await.is_empty()).await;
        println!("out of sight after {took:?}");
    }
}

async fn hidden_and_restored(platform: &Platform) {
    let url = &platform.url;
    let (creator, viewer) = (Person::register(url, "creator_b").await, Person::register(url, "viewer_a").await);
    let admin = Person::administrator(url).await;
    subscribe(&viewer, &creator.id).await;
    let made = creator.publish("On the glacier", &video()).await;
    let video = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/videos/{video}");
    let playback = viewer.get(&path).await["video"]["playbackUrl"].as_str().unwrap().to_owned();
    let sight = Sight { viewer: &viewer, creator: &creator.id, video: video.clone(), playback };
    sight.everything_is_seen().await;

    let account = format!("/api/v1/admin/users/{}", creator.id);
    admin.ok(Method::PUT, &format!("{account}/hide"), json!({"text": "a review"})).await;
    sight.nothing_is_seen().await;
    let login = json!({"username": "creator_b", "password": crate::client::PASSWORD});
    let refused = Person::anonymous(url).refused(Method::POST, "/api/v1/auth/login", login).await;
    assert_eq!(refused, (403, "USER_HIDDEN".into()));

    // A moderator's own reason outlives the restoration of the account.
    admin.ok(Method::PUT, &format!("/api/v1/admin/videos/{video}/hide"), json!({})).await;
    admin.ok(Method::PUT, &format!("{account}/restore"), json!({})).await;
    let channel = format!("/api/v1/channels/{}", creator.id);
    within(Duration::from_secs(10), "the channel is back", async || sight.status(&channel).await == 200).await;
    assert_eq!(sight.status(&path).await, 404);
    assert_eq!(sight.status(&sight.playback).await, 404);
    admin.ok(Method::PUT, &format!("/api/v1/admin/videos/{video}/restore"), json!({})).await;
    sight.everything_is_seen().await;
    is_audited(&admin, &creator.id).await;
}

async fn is_audited(admin: &Person, user: &str) {
    let path = format!("/api/v1/admin/audit-logs?objectId={user}");
    within(Duration::from_secs(10), "hiding and restoring are in the audit log", async || {
        let entries = admin.get(&path).await["entries"].to_string();
        entries.contains("user.hidden") && entries.contains("user.restored")
    })
    .await;
    let export = admin.request(Method::GET, "/api/v1/admin/audit-logs/export").send().await.unwrap();
    let lines = export.text().await.unwrap();
    assert!(lines.lines().count() > 2 && lines.lines().all(|l| serde_json::from_str::<Value>(l).is_ok()), "{lines}");
}

async fn subscribe(viewer: &Person, channel: &str) {
    let path = format!("/api/v1/channels/{channel}/subscribe");
    within(Duration::from_secs(10), "the channel is there", async || {
        [200, 409].contains(&viewer.send(Method::POST, &path, json!({})).await.status().as_u16())
    })
    .await;
    // The membership travels to the notification service before videos do.
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// Somebody who will be deleted, with everything that a user can have.
struct Gone {
    person: Person,
    videos: Vec<String>,
    playback: String,
    fan: Person,
}

impl Gone {
    async fn prepare(platform: &Platform, videos: usize) -> Self {
        let url = &platform.url;
        let (person, fan) = (Person::register(url, "vanishing_v").await, Person::register(url, "fan_of_v").await);
        subscribe(&fan, &person.id).await;
        subscribe(&person, &fan.id).await;
        let one = &person;
        let made: Vec<Value> = stream::iter(0..videos)
            .map(|i| async move { one.publish(&format!("Vanishing {i}"), &video()).await })
            .buffer_unordered(4)
            .collect()
            .await;
        let videos: Vec<String> = made.iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect();
        let image: Value = person.upload("image", &png(platform)).await.json().await.unwrap();
        person.ok(Method::PUT, "/api/v1/user/avatar", json!({"uploadId": image["upload"]["id"]})).await;
        let first = format!("/api/v1/videos/{}", videos[0]);
        let playback = fan.get(&first).await["video"]["playbackUrl"].as_str().unwrap().to_owned();
        let report = json!({"objectType": "channel", "objectId": fan.id, "reason": "other", "text": "by vanishing_v"});
        person.ok(Method::POST, "/api/v1/reports", report).await;
        let report = json!({"objectType": "video", "objectId": videos[0], "reason": "spam", "text": "just a test"});
        fan.ok(Method::POST, "/api/v1/reports", report).await;
        Self { person, videos, playback, fan }
    }

    async fn delete(&self, platform: &Platform) -> String {
        let wrong = json!({"password": "not the password"});
        let refused = self.person.refused(Method::DELETE, "/api/v1/user/account", wrong).await;
        assert_eq!(refused, (401, "INVALID_CREDENTIALS".into()));
        let right = json!({"password": crate::client::PASSWORD});
        let reply = self.person.ok(Method::DELETE, "/api/v1/user/account", right).await;
        let first = format!("/api/v1/videos/{}", self.videos[0]);
        let took = within(SOON, "the videos are out of sight and the session has ended", async || {
            self.fan.send(Method::GET, &first, Value::Null).await.status() == 404
                && self.person.send(Method::GET, "/api/v1/user/me", Value::Null).await.status() == 401
        })
        .await;
        println!("deleted after {took:?}");
        let again = json!({"username": "vanishing_v", "password": crate::client::PASSWORD});
        let refused = Person::anonymous(&platform.url).refused(Method::POST, "/api/v1/auth/login", again).await;
        assert_eq!(refused, (401, "INVALID_CREDENTIALS".into()));
        reply["erasureId"].as_str().unwrap().to_owned()
    }

    async fn nothing_is_left(&self, platform: &Platform, erasure: &str) {
        let admin = Person::administrator(&platform.url).await;
        let path = format!("/api/v1/admin/erasures/{erasure}");
        within(Duration::from_secs(90), "every service has reported", async || {
            let reply = admin.send(Method::GET, &path, Value::Null).await.json::<Value>().await.unwrap();
            reply["erasure"]["status"] == "done"
        })
        .await;
        let played = self.fan.send(Method::GET, &self.playback, Value::Null).await.status().as_u16();
        assert!([403, 404].contains(&played), "{played}");
        let texts = [self.person.id.clone(), "anishing".to_owned()];
        // What was told on the way may still be on its way.
        let mut left = Vec::new();
        for _ in 0..100 {
            left = remains::find(&platform.databases, &texts).await;
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(left.is_empty(), "left of the user: {left:#?}");
        // The others' objects are the glacier's video and its picture.
        let objects = platform.objects();
        assert_eq!(objects.len(), 2, "{objects:#?}");
    }
}

fn png(platform: &Platform) -> std::path::PathBuf {
    let path = platform.folder.path().join("avatar.png");
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    path
}
