//! Overhearing: every replica, at once, whatever else is told.

use std::sync::{Arc, Mutex};

use fenz_contract::events::v1::{UserRegistered, VideoDeleted};
use fenz_events::{Event, Listener};
use fenz_testkit::Database;

use crate::{
    broker::Broker,
    fleet::{Fleet, Replica, Via, event, eventually, on_each, tell},
};

/// A replica that overhears, and what it heard.
struct Overhearing {
    _replica: Replica,
    heard: Arc<Mutex<Vec<i64>>>,
}

impl Overhearing {
    async fn start(fleet: &Fleet) -> Self {
        let replica = fleet.idle_hearer().await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (users, videos) = (heard.clone(), heard.clone());
        let listener = Listener::new()
            .on(move |user: UserRegistered| users.lock().unwrap().push(user.user_id))
            .on(move |video: VideoDeleted| videos.lock().unwrap().push(-video.video_id));
        listener.start(&replica.platform).await.unwrap();
        Self { _replica: replica, heard }
    }

    fn heard(&self, n: i64) -> bool {
        self.heard.lock().unwrap().contains(&n)
    }

    fn times(&self, n: i64) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| **heard == n).count()
    }
}

/// Says that it is a registration and holds something else.
#[derive(Clone, PartialEq, prost::Message)]
struct Garbled {
    #[prost(string, tag = "1")]
    user: String,
}

impl Event for Garbled {
    const FAMILY: &'static str = UserRegistered::FAMILY;
    const WHAT: &'static str = UserRegistered::WHAT;

    fn aggregate_id(&self) -> i64 {
        5
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_replica_hears_everything_and_garbage_stops_none() {
    on_each(|fleet| async move {
        let replicas = [Overhearing::start(&fleet).await, Overhearing::start(&fleet).await];
        let (_teller, outbox) = fleet.teller().await;
        let all = async |n| replicas.iter().all(|replica| replica.heard(n));
        // Subscribing takes a moment, and what is told before is not heard.
        eventually("everybody to listen", async || {
            tell(&outbox, &event(1)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            all(1).await
        })
        .await;
        tell(&outbox, &Garbled { user: "seven".to_owned() }).await.unwrap();
        tell(&outbox, &event(2)).await.unwrap();
        tell(&outbox, &VideoDeleted { video_id: 3, ..VideoDeleted::default() }).await.unwrap();
        // Nobody asked for these.
        tell(&outbox, &fenz_contract::events::v1::UserUpdated { user_id: 4, ..Default::default() }).await.unwrap();
        tell(&outbox, &event(6)).await.unwrap();
        for n in [2, -3, 6] {
            eventually("it to be heard", async || all(n).await).await;
            assert_eq!(replicas.iter().map(|replica| replica.times(n)).collect::<Vec<_>>(), [1, 1], "{n}");
        }
        assert!(!replicas.iter().any(|replica| replica.heard(4)));
        // One that comes later hears from then on.
        let late = Overhearing::start(&fleet).await;
        eventually("the late one to listen", async || {
            tell(&outbox, &event(7)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            late.heard(7)
        })
        .await;
        assert!(!late.heard(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_late_or_again_is_listened_to() {
    let Some(mut broker) = Broker::new() else { return };
    let fleet = Fleet::new(Database::Sqlite, &Via::JetStream(broker.url())).await;
    let replicas = [Overhearing::start(&fleet).await, Overhearing::start(&fleet).await];
    let (_teller, outbox) = fleet.teller().await;
    for round in 1..=3 {
        broker.start();
        eventually("both to hear again", async || {
            tell(&outbox, &event(round)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            replicas.iter().all(|replica| replica.heard(round))
        })
        .await;
        broker.stop();
    }
}
