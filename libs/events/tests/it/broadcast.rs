//! Broadcast subscription: every replica receives every event at once.

use std::sync::{Arc, Mutex};

use fenz_contract::{
    event::EventType,
    events::v1::{UserRegistered, VideoDeleted},
};
use fenz_events::{BroadcastSubscriber, Event};
use fenz_testkit::Database;

use crate::{
    broker::Broker,
    fleet::{Fleet, Replica, Transport, event, eventually, on_each, publish},
};

/// A replica with a subscription, and what it received.
struct CachingReplica {
    _replica: Replica,
    received: Arc<Mutex<Vec<i64>>>,
}

impl CachingReplica {
    async fn start(fleet: &Fleet) -> Self {
        let replica = fleet.idle_subscriber().await;
        let received = Arc::new(Mutex::new(Vec::new()));
        let (users, videos) = (received.clone(), received.clone());
        let listener = BroadcastSubscriber::new()
            .on(move |user: UserRegistered| users.lock().unwrap().push(user.user_id))
            .on(move |video: VideoDeleted| videos.lock().unwrap().push(-video.video_id));
        listener.start(&replica.platform).await.unwrap();
        Self { _replica: replica, received }
    }

    fn received(&self, n: i64) -> bool {
        self.received.lock().unwrap().contains(&n)
    }

    fn times(&self, n: i64) -> usize {
        self.received.lock().unwrap().iter().filter(|received| **received == n).count()
    }
}

/// Published as a registration with a payload of something else.
#[derive(Clone, PartialEq, prost::Message)]
struct Garbled {
    #[prost(string, tag = "1")]
    user: String,
}

impl Event for Garbled {
    const TYPE: EventType = UserRegistered::TYPE;

    fn aggregate_id(&self) -> i64 {
        5
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_replica_receives_everything_and_survives_an_undecodable_event() {
    on_each(|fleet| async move {
        let replicas = [CachingReplica::start(&fleet).await, CachingReplica::start(&fleet).await];
        let (_publisher, outbox) = fleet.publisher().await;
        let all = async |n| replicas.iter().all(|replica| replica.received(n));
        // What is published before the subscription is complete is not received.
        eventually("all subscriptions", async || {
            publish(&outbox, &event(1)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            all(1).await
        })
        .await;
        publish(&outbox, &Garbled { user: "seven".to_owned() }).await.unwrap();
        publish(&outbox, &event(2)).await.unwrap();
        let deleted = VideoDeleted { video_id: 3, ..VideoDeleted::default() };
        assert!(publish(&outbox, &deleted).await.is_err(), "auth published an event of content");
        publish(&outbox.publishing_as("content"), &deleted).await.unwrap();
        // Nobody subscribes to these.
        publish(&outbox, &fenz_contract::events::v1::UserUpdated { user_id: 4, ..Default::default() }).await.unwrap();
        publish(&outbox, &event(6)).await.unwrap();
        for n in [2, -3, 6] {
            eventually("it to be received", async || all(n).await).await;
            assert_eq!(replicas.iter().map(|replica| replica.times(n)).collect::<Vec<_>>(), [1, 1], "{n}");
        }
        assert!(!replicas.iter().any(|replica| replica.received(4)));
        // A later one receives from then on.
        let late = CachingReplica::start(&fleet).await;
        eventually("the later subscription", async || {
            publish(&outbox, &event(7)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            late.received(7)
        })
        .await;
        assert!(!late.received(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_survive_a_broker_that_starts_late_and_restarts() {
    let Some(mut broker) = Broker::new() else { return };
    let fleet = Fleet::new(Database::Sqlite, &Transport::JetStream(broker.url())).await;
    let replicas = [CachingReplica::start(&fleet).await, CachingReplica::start(&fleet).await];
    let (_publisher, outbox) = fleet.publisher().await;
    for round in 1..=3 {
        broker.start();
        eventually("both to receive again", async || {
            publish(&outbox, &event(round)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            replicas.iter().all(|replica| replica.received(round))
        })
        .await;
        broker.stop();
    }
}
