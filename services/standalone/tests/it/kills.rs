//! An erasure comes to its end though every service that takes part is killed
//! in the middle of it.

use std::time::Duration;

use fenz_testkit::{Client, PASSWORD, eventually, id, within};
use reqwest::Method;
use serde_json::json;

use crate::{hold::Hold, platform::Platform, remains, videos::publish};

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    if fenz_testkit::Server::Nats.url().is_none() || fenz_testkit::Server::Postgres.url().is_none() {
        return;
    }
    let mut platform = Platform::fleet(&[("FENZ_ADMIN__ERASURE_RETRY", "2s")]).await;
    let admin = platform.administrator().await;
    let (person, fan) = (platform.register("vanishing_v").await, platform.register("fan_of_v").await);
    let videos = prepare(&admin, &person, &fan).await;

    // Each service comes to a row of the user's and waits; before it, it has
    // removed others.
    let (user, last) = (person.user(), videos.iter().max().unwrap());
    let rows = [
        ("content", format!("videos WHERE id = {last}")),
        ("media", format!("daily_usage WHERE owner_id = {user}")),
        ("channel", format!("memberships WHERE user_id = {user}")),
        ("notification", format!("mutes WHERE user_id = {user}")),
        ("recommendation", format!("user_tags WHERE user_id = {user}")),
    ];
    let mut holds = Vec::new();
    for (service, row) in &rows {
        holds.push(Hold::on(&platform, service, row).await);
    }
    let reply = person.send(Method::DELETE, "user/account", &json!({"password": PASSWORD})).await;
    let erasure = format!("admin/erasures/{}", reply.text("erasureId"));
    for hold in &holds {
        hold.is_waited_for().await;
    }
    let has_come_to = async |status: &str| admin.get(&erasure).await.body["erasure"]["status"] == status;
    eventually(async || has_come_to("running").await).await;
    for hold in holds {
        assert!(has_come_to("running").await);
        let service = hold.service;
        platform.kill(service).await;
        hold.release().await;
        platform.restart(service);
    }
    within(Duration::from_secs(60), async || has_come_to("done").await).await;
    // Events published on the way may not be delivered yet.
    let texts = [person.user().to_owned(), "anishing".to_owned()];
    within(Duration::from_secs(20), async || {
        remains::are_none(&platform.databases, &texts).await && platform.objects().is_empty()
    })
    .await;
}

/// Gives somebody a row of every kind that erasures have to find; their videos.
async fn prepare(admin: &Client, person: &Client, fan: &Client) -> Vec<i64> {
    let mut videos = Vec::new();
    for n in 0..4 {
        videos.push(id(&publish(person, &format!("Vanishing {n}")).await));
    }
    for (one, other) in [(person, fan), (fan, person)] {
        let subscribe = format!("channels/{}/subscribe", other.user());
        eventually(async || [200, 409].contains(&one.post(&subscribe, &json!({})).await.status)).await;
    }
    let mute = format!("channels/{}/mute", fan.user());
    eventually(async || person.put(&mute, &json!({})).await.status == 200).await;
    let made = admin.post("admin/tags", &json!({"name": "Travel", "slug": "travel"})).await;
    person.put("tags/my", &json!({"tagIds": [made.ok("tag")["id"]]})).await.expect(200);
    // Recommendation has consumed the events of the videos.
    eventually(async || fan.get("videos/recommended").await.body["total"] == "4").await;
    videos
}
