//! Two replicas on one database: a change at one invalidates the other's cache.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use fenz_content::Content;
use fenz_contract::events::v1::MembershipChanged;
use fenz_core::Role;
use fenz_testkit::{Client, Database, Reply, eventually};
use serde_json::json;

use crate::{
    fleet::{Fleet, OTHER, OWNER, channel},
    peers::Channel,
};

/// Settings of each available bus: mailboxes, and JetStream where there is a broker.
fn buses() -> Vec<Vec<(&'static str, String)>> {
    let mut all = vec![Vec::new()];
    if let Some(url) = fenz_testkit::Server::Nats.url() {
        let name = format!("CONTENT{:x}", std::process::id());
        all.push(vec![("bus.url", url), ("bus.prefix", name.to_lowercase()), ("bus.stream", name)]);
    }
    all
}

#[tokio::test]
async fn a_change_at_one_replica_invalidates_the_other() {
    for bus in buses() {
        let tier = Arc::new(AtomicI32::new(0));
        let address = Channel(tier.clone()).serve().await;
        // Nothing would be read again within the time that the test waits.
        let mut settings = vec![("content.cache.ttl", "60s"), ("content.membership_ttl", "60s")];
        settings.extend([("content.edit_cooldown", "0s"), ("peers.channel", &address)]);
        settings.extend(bus.iter().map(|(key, value)| (*key, value.as_str())));
        let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
        let replica = Client::new(fleet.sandbox.start_replica::<Content>().await.unwrap());
        let fleet = fleet.with_events().await;

        let video = fleet.video(json!({"title": "one"})).await;
        let get = async |user: i64| -> Reply {
            let token = fleet.sandbox.token(user, Role::User);
            replica.with_token(token).get(&format!("videos/{video}")).await
        };
        let becomes = async |status: u16| eventually(async || get(OTHER).await.status == status).await;
        assert_eq!(get(OTHER).await.ok("video")["title"], "one");
        // Repeated until the replica is subscribed.
        let edits = AtomicI32::new(0);
        eventually(async || {
            let title = format!("title {}", edits.fetch_add(1, Ordering::SeqCst));
            fleet.put(video, &json!({"title": title}), OWNER).await.ok("video");
            tokio::time::sleep(Duration::from_millis(100)).await;
            get(OTHER).await.ok("video")["title"] == title.as_str()
        })
        .await;
        fleet.put(video, &json!({"title": "two"}), OWNER).await.ok("video");
        eventually(async || get(OTHER).await.ok("video")["title"] == "two").await;
        fleet.publish(video, false, OWNER).await.ok("video");
        becomes(404).await;
        fleet.publish(video, true, OWNER).await.ok("video");
        becomes(200).await;
        fleet.moderate(video, "hide", &json!({})).await.ok("video");
        becomes(404).await;
        fleet.moderate(video, "restore", &json!({})).await.ok("video");
        becomes(200).await;

        fleet.events.publish(channel(2, true)).await;
        becomes(404).await;
        fleet.events.publish(channel(3, false)).await;
        becomes(200).await;

        // A cached membership is invalidated when it ends.
        fleet.put(video, &json!({"accessTier": 1}), OWNER).await.ok("video");
        becomes(403).await;
        tier.store(1, Ordering::SeqCst);
        becomes(200).await;
        tier.store(0, Ordering::SeqCst);
        assert_eq!(get(OTHER).await.status, 200);
        let ended = MembershipChanged { user_id: OTHER, channel_id: OWNER, version: 2, ..Default::default() };
        fleet.events.publish(ended).await;
        becomes(403).await;

        fleet.publish(video, false, OWNER).await.ok("video");
        assert_eq!(fleet.delete(video, OWNER).await.status, 200);
        eventually(async || get(OWNER).await.status == 404).await;
    }
}
