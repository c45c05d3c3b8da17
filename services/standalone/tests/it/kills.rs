//! An erasure comes to its end though every service that takes part is killed
//! in the middle of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{PASSWORD, Person, video},
    hold::Hold,
    platform::Platform,
    remains,
    wait::within,
};

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    if fenz_testkit::Server::Nats.url().is_none() || fenz_testkit::Server::Postgres.url().is_none() {
        return;
    }
    let mut platform = Platform::fleet(&[("FENZ_ADMIN__ERASURE_RETRY", "2s")]).await;
    let url = platform.url.clone();
    let admin = Person::administrator(&url).await;
    let (person, fan) = (Person::register(&url, "vanishing_v").await, Person::register(&url, "fan_of_v").await);
    let videos = prepare(&admin, &person, &fan).await;

    // Each service comes to a row of the user's and waits; before it, it has
    // removed others.
    let (user, last) = (&person.id, videos.iter().max().unwrap());
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
    let reply = person.ok(Method::DELETE, "/api/v1/user/account", json!({"password": PASSWORD})).await;
    let erasure = format!("/api/v1/admin/erasures/{}", reply["erasureId"].as_str().unwrap());
    for hold in &holds {
        hold.is_waited_for().await;
    }
    let has_come_to = async |status: &str| {
        let reply = admin.send(Method::GET, &erasure, Value::Null).await;
        reply.json::<Value>().await.unwrap()["erasure"]["status"] == status
    };
    within(Duration::from_secs(10), "admin follows it", async || has_come_to("running").await).await;
    for hold in holds {
        assert!(has_come_to("running").await);
        let service = hold.service;
        platform.kill(service).await;
        hold.release().await;
        platform.restart(service);
    }
    within(Duration::from_secs(60), "every service has reported", async || has_come_to("done").await).await;
    // What was told on the way may still be on its way.
    let texts = [person.id.clone(), "anishing".to_owned()];
    within(Duration::from_secs(20), "nothing is left of the user", async || {
        let left = remains::find(&platform.databases, &texts).await;
        if !left.is_empty() {
            println!("left: {left:?}");
        }
        left.is_empty() && platform.objects().is_empty()
    })
    .await;
}

/// Gives somebody a row of every kind that erasures have to find; their videos.
async fn prepare(admin: &Person, person: &Person, fan: &Person) -> Vec<i64> {
    let mut videos = Vec::new();
    for n in 0..4 {
        let made = person.publish(&format!("Vanishing {n}"), &video()).await;
        videos.push(made["id"].as_str().unwrap().parse().unwrap());
    }
    for (one, other) in [(person, fan), (fan, person)] {
        let subscribe = format!("/api/v1/channels/{}/subscribe", other.id);
        within(Duration::from_secs(10), "the channel is there", async || {
            [200, 409].contains(&one.send(Method::POST, &subscribe, json!({})).await.status().as_u16())
        })
        .await;
    }
    let mute = format!("/api/v1/channels/{}/mute", fan.id);
    within(Duration::from_secs(10), "the channel is muted", async || {
        person.send(Method::PUT, &mute, json!({})).await.status() == 200
    })
    .await;
    let made = admin.ok(Method::POST, "/api/v1/admin/tags", json!({"name": "Travel", "slug": "travel"})).await;
    person.ok(Method::PUT, "/api/v1/tags/my", json!({"tagIds": [made["tag"]["id"]]})).await;
    // Recommendation has heard of the videos.
    within(Duration::from_secs(10), "the videos are recommended", async || {
        fan.send(Method::GET, "/api/v1/videos/recommended", Value::Null).await.json::<Value>().await.unwrap()["total"]
            == "4"
    })
    .await;
    videos
}
