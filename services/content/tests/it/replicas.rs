//! Two replicas on one database: a change at one invalidates the other's cache.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use fenz_content::Content;
use fenz_contract::events::v1::{ChannelChanged, MembershipChanged};
use fenz_testkit::{Database, Sandbox};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    fleet::{Fleet, OTHER, OWNER},
    peers::{Channel, serve_channel},
    stub_service::StubService,
};

/// Limit of the propagation on a busy machine; a tenth of it is usual.
const LIMIT: Duration = Duration::from_secs(1);

/// Settings of each available bus: mailboxes, and JetStream where there is a broker.
fn buses() -> Vec<Vec<(&'static str, String)>> {
    let mut all = vec![Vec::new()];
    if let Some(url) = fenz_testkit::Server::Nats.url() {
        let name = format!("CONTENT{:x}", std::process::id());
        all.push(vec![("bus.url", url), ("bus.prefix", name.to_lowercase()), ("bus.stream", name)]);
    }
    all
}

struct Pair {
    fleet: Fleet,
    other: String,
    client: Client,
}

impl Pair {
    async fn start(bus: &[(&str, String)], channel: &str) -> Self {
        let mut sandbox = Sandbox::new(Database::of_a_fleet()).await.unwrap();
        for (key, value) in bus {
            sandbox.set(key, value).unwrap();
        }
        for (key, value) in [
            ("content.cache.ttl", "60s"),
            ("content.membership_ttl", "60s"),
            ("content.edit_cooldown", "0s"),
            ("peers.channel", channel),
        ] {
            sandbox.set(key, value).unwrap();
        }
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<fenz_media::MediaService>().await.unwrap();
        sandbox.start::<Content>().await.unwrap();
        let other = sandbox.start_replica::<Content>().await.unwrap();
        sandbox.start::<StubService>().await.unwrap();
        sandbox.process.shared.get::<fenz_events::MailboxRegistry>().open();
        Self { fleet: Fleet::over(sandbox), other, client: Client::new() }
    }

    /// The other replica's reply to a user.
    async fn get_at_other(&self, video: i64, user: i64) -> (u16, Value) {
        let token = self.fleet.sandbox.token(user, fenz_core::Role::User);
        let request = self.client.get(format!("{}/api/v1/videos/{video}", self.other)).bearer_auth(token);
        let reply = request.send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    #[track_caller]
    fn within_limit(holds: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let begin = Instant::now();
            while !holds().await {
                assert!(begin.elapsed() < LIMIT, "timed out: {place}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_change_at_one_replica_invalidates_the_other() {
    for bus in buses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let channel = format!("http://{}", listener.local_addr().unwrap());
        let tier = Arc::new(AtomicI32::new(0));
        let served = serve_channel(listener, Channel(tier.clone()));
        let pair = Pair::start(&bus, &channel).await;
        let fleet = &pair.fleet;
        // Until both are subscribed.
        tokio::time::sleep(Duration::from_millis(500)).await;

        let video = fleet.video(json!({"title": "one"})).await;
        let titled = async |title: &str| pair.get_at_other(video, OTHER).await.1["video"]["title"] == title;
        assert!(titled("one").await);
        fleet.put(video, &json!({"title": "two"}), OWNER).await.video();
        Pair::within_limit(async || titled("two").await).await;
        fleet.publish(video, false, OWNER).await.video();
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 404).await;
        fleet.publish(video, true, OWNER).await.video();
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 200).await;
        fleet.moderate(video, "hide", &json!({})).await.video();
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 404).await;
        fleet.moderate(video, "restore", &json!({})).await.video();
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 200).await;

        let hidden = |version, is_hidden| ChannelChanged {
            channel_id: OWNER,
            owner_id: OWNER,
            is_hidden,
            version,
            ..ChannelChanged::default()
        };
        fleet.emit(hidden(2, true)).await;
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 404).await;
        fleet.emit(hidden(3, false)).await;
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 200).await;

        // A cached membership is invalidated when it ends.
        fleet.put(video, &json!({"accessTier": 1}), OWNER).await.video();
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 403).await;
        tier.store(1, Ordering::SeqCst);
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 200).await;
        tier.store(0, Ordering::SeqCst);
        assert_eq!(pair.get_at_other(video, OTHER).await.0, 200);
        let ended = MembershipChanged { user_id: OTHER, channel_id: OWNER, version: 2, ..Default::default() };
        fleet.emit(ended).await;
        Pair::within_limit(async || pair.get_at_other(video, OTHER).await.0 == 403).await;

        fleet.publish(video, false, OWNER).await.video();
        assert_eq!(fleet.delete(video, OWNER).await.status, 200);
        Pair::within_limit(async || pair.get_at_other(video, OWNER).await.0 == 404).await;
        served.abort();
    }
}
