//! An account's whole life: hidden, restored, deleted, and nothing left of it
//! anywhere, though services and Redis were away meanwhile.

use std::time::Duration;

use fenz_testkit::{Client, PASSWORD, PNG, eventually, within};
use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    platform::Platform,
    remains,
    videos::{self, publish},
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
    // Separate processes reach each other through a broker only.
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
    let admin = platform.administrator().await;
    let path = format!("admin/erasures/{erasure}");
    within(Duration::from_secs(20), async || {
        let reply = admin.get(&path).await.body;
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
    viewer: &'a Client,
    creator: &'a str,
    video: String,
    playback: String,
}

impl Sight<'_> {
    async fn status(&self, path: &str) -> u16 {
        self.viewer.status(path).await
    }

    /// Where the video, the channel or its notifications are visible.
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
            ("list", "videos"),
            ("feed", "videos/subscriptions"),
            ("subscriptions", "user/subscriptions"),
            ("notifications", "notifications"),
            ("recommended", "videos/recommended"),
            ("search", "search?query=glacier"),
        ] {
            let text = self.viewer.get(path).await.expect(200).body.to_string();
            if text.contains(&self.video) || text.contains(&format!("\"{}\"", self.creator)) {
                seen.push(name);
            }
        }
        seen
    }

    async fn everything_is_seen(&self) {
        let everything = 9;
        eventually(async || self.seen().await.len() == everything).await;
    }

    async fn nothing_is_seen(&self) {
        eventually(async || self.seen().await.is_empty()).await;
    }
}

async fn hidden_and_restored(platform: &Platform) {
    let (creator, viewer) = (platform.register("creator_b").await, platform.register("viewer_a").await);
    let admin = platform.administrator().await;
    subscribe(&viewer, &creator).await;
    let made = publish(&creator, "On the glacier").await;
    let video = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/videos/{video}");
    let playback = viewer.get(&videos::path(&made)).await.ok("video")["playbackUrl"].as_str().unwrap().to_owned();
    let sight = Sight { viewer: &viewer, creator: creator.user(), video: video.clone(), playback };
    sight.everything_is_seen().await;

    let account = format!("admin/users/{}", creator.user());
    admin.put(&format!("{account}/hide"), &json!({"text": "a review"})).await.expect(200);
    sight.nothing_is_seen().await;
    platform.client.login("creator_b", PASSWORD).await.refused(403, "USER_HIDDEN");

    // A moderator's own reason outlives the restoration of the account.
    admin.put(&format!("admin/videos/{video}/hide"), &json!({})).await.expect(200);
    admin.put(&format!("{account}/restore"), &json!({})).await.expect(200);
    let channel = format!("/api/v1/channels/{}", creator.user());
    eventually(async || sight.status(&channel).await == 200).await;
    assert_eq!(sight.status(&path).await, 404);
    assert_eq!(sight.status(&sight.playback).await, 404);
    admin.put(&format!("admin/videos/{video}/restore"), &json!({})).await.expect(200);
    sight.everything_is_seen().await;
    is_audited(&admin, creator.user()).await;
}

async fn is_audited(admin: &Client, user: &str) {
    let path = format!("admin/audit-logs?objectId={user}");
    eventually(async || {
        let entries = admin.get(&path).await.ok("entries").to_string();
        entries.contains("user.hidden") && entries.contains("user.restored")
    })
    .await;
    let export = admin.request(Method::GET, "/api/v1/admin/audit-logs/export").send().await.unwrap();
    let lines = export.text().await.unwrap();
    assert!(lines.lines().count() > 2 && lines.lines().all(|l| serde_json::from_str::<Value>(l).is_ok()), "{lines}");
}

async fn subscribe(viewer: &Client, creator: &Client) {
    let path = format!("channels/{}/subscribe", creator.user());
    eventually(async || [200, 409].contains(&viewer.post(&path, &json!({})).await.status)).await;
    // The membership travels to the notification service before videos do.
    eventually(async || creator.get("notifications/unread-count").await.ok("count") == "1").await;
}

/// Somebody who will be deleted, with everything that a user can have.
struct Gone {
    person: Client,
    videos: Vec<String>,
    playback: String,
    fan: Client,
}

impl Gone {
    async fn prepare(platform: &Platform, videos: usize) -> Self {
        let (person, fan) = (platform.register("vanishing_v").await, platform.register("fan_of_v").await);
        subscribe(&fan, &person).await;
        subscribe(&person, &fan).await;
        let one = &person;
        let made: Vec<Value> = stream::iter(0..videos)
            .map(|i| async move { publish(one, &format!("Vanishing {i}")).await })
            .buffer_unordered(4)
            .collect()
            .await;
        let videos: Vec<String> = made.iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect();
        let image = person.upload("image", PNG).await.ok("upload");
        person.put("user/avatar", &json!({"uploadId": image["id"]})).await.expect(200);
        let first = videos::path(&made[0]);
        let playback = fan.get(&first).await.ok("video")["playbackUrl"].as_str().unwrap().to_owned();
        let report =
            json!({"objectType": "channel", "objectId": fan.user(), "reason": "other", "text": "by vanishing_v"});
        person.post("reports", &report).await.expect(200);
        let report = json!({"objectType": "video", "objectId": videos[0], "reason": "spam", "text": "just a test"});
        fan.post("reports", &report).await.expect(200);
        Self { person, videos, playback, fan }
    }

    async fn delete(&self, platform: &Platform) -> String {
        let wrong = json!({"password": "not the password"});
        let refused = self.person.send(Method::DELETE, "user/account", &wrong).await;
        refused.refused(401, "INVALID_CREDENTIALS");
        let right = json!({"password": PASSWORD});
        let reply = self.person.send(Method::DELETE, "user/account", &right).await;
        reply.expect(200);
        let first = format!("videos/{}", self.videos[0]);
        eventually(async || self.fan.get(&first).await.status == 404 && self.person.get("user/me").await.status == 401)
            .await;
        platform.client.login("vanishing_v", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
        reply.text("erasureId").to_owned()
    }

    async fn nothing_is_left(&self, platform: &Platform, erasure: &str) {
        let admin = platform.administrator().await;
        let path = format!("admin/erasures/{erasure}");
        within(Duration::from_secs(90), async || admin.get(&path).await.body["erasure"]["status"] == "done").await;
        let played = self.fan.status(&self.playback).await;
        assert!([403, 404].contains(&played), "{played}");
        let texts = [self.person.user().to_owned(), "anishing".to_owned()];
        // Events published on the way may not be delivered yet.
        within(Duration::from_secs(20), async || remains::are_none(&platform.databases, &texts).await).await;
        // The others' objects are the glacier's video and its picture.
        let objects = platform.objects();
        assert_eq!(objects.len(), 2, "{objects:#?}");
    }
}
