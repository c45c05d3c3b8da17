//! Erasure of a user: batch by batch, through failures, reported once per
//! request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fenz_contract::events::v1::{UserDeleted, UserErased, UserRegistered};
use fenz_core::{Error, Random, Reason, Result, UserId};
use fenz_database::Txn;
use fenz_events::{Batch, Consumer, Envelope, ErasureRunner, Outbox, ReceivedEvent, UserDataEraser};
use tokio::sync::Semaphore;

use crate::fleet::{Fleet, Replica, event, eventually, insert, on_each, publish};

const USER: i64 = 7;

/// The user's data, shared by all replicas.
#[derive(Default)]
struct UserData {
    left: AtomicU64,
    calls: AtomicU64,
    /// Whether a dependency does not answer.
    unavailable: AtomicBool,
}

/// Removes two at a time. Each third call fails.
struct TwoAtATime(Arc<UserData>);

#[async_trait::async_trait]
impl UserDataEraser for TwoAtATime {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        assert_eq!(user, UserId(USER));
        if self.0.calls.fetch_add(1, Ordering::AcqRel) % 3 == 1 || self.0.unavailable.load(Ordering::Acquire) {
            return Err(Error::new(Reason::Unavailable, "the object store does not answer"));
        }
        let before = self.0.left.load(Ordering::Acquire);
        let removed = before.min(2);
        self.0.left.store(before - removed, Ordering::Release);
        Ok(Batch { removed, done: before == removed })
    }
}

/// A replica that registers users, and erases them.
async fn erasing(fleet: &Fleet, eraser: impl UserDataEraser) -> Replica {
    let replica = fleet.idle_subscriber().await;
    let outbox = Outbox::start(&replica.platform, &replica.db).await.unwrap();
    let erasures = ErasureRunner::new(&replica.platform, &outbox);
    let (orders, known) = (erasures.clone(), erasures.clone());
    let consumer = Consumer::new()
        .on(move |txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserDeleted>| {
            let orders = orders.clone();
            async move { orders.request_in_txn(&txn, &event).await }
        })
        .on(move |txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserRegistered>| {
            let known = known.clone();
            async move {
                if !known.is_erased(txn.as_ref(), UserId(event.user_id)).await? {
                    insert(&txn, "effects", event.user_id).await?;
                }
                Ok(())
            }
        });
    consumer.start(&replica.platform, &replica.db).await.unwrap();
    erasures.start(&replica.platform, eraser);
    replica
}

/// Receives the reports: what was removed becomes an effect.
async fn admin(fleet: &Fleet) -> Replica {
    let consumer = Consumer::new().on(|txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserErased>| async move {
        assert_eq!((event.user_id, event.service.as_str()), (USER, "channel"));
        Ok(insert(&txn, "effects", event.erasure_id * 100 + event.removed).await?)
    });
    fleet.consuming_publisher(consumer).await
}

fn request(erasure_id: i64) -> UserDeleted {
    UserDeleted { user_id: USER, erasure_id, version: 9, occurred_at: None }
}

async fn reports(admin: &Replica, wanted: &[i64]) {
    eventually(&format!("the reports {wanted:?}"), async || admin.effects().await.len() >= wanted.len()).await;
    assert_eq!(admin.effects().await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_removed_in_batches_and_reported_once() {
    on_each(|fleet| async move {
        let data = Arc::new(UserData { left: 5.into(), ..UserData::default() });
        let replicas =
            [erasing(&fleet, TwoAtATime(data.clone())).await, erasing(&fleet, TwoAtATime(data.clone())).await];
        let admin = admin(&fleet).await;
        let (_publisher, outbox) = fleet.publisher().await;
        publish(&outbox, &event(USER)).await.unwrap();
        replicas[0].wait_for(1).await;
        publish(&outbox, &request(1)).await.unwrap();
        // Two, nothing for a failure, two, one: five.
        reports(&admin, &[105]).await;
        assert_eq!(data.left.load(Ordering::Acquire), 0);
        assert_eq!(replicas[0].count("erasures").await, 0);
        // Late events about the user change nothing, about others they do.
        publish(&outbox, &event(USER)).await.unwrap();
        publish(&outbox, &event(8)).await.unwrap();
        replicas[0].wait_for(2).await;
        assert_eq!(replicas[0].effects().await, [USER, 8]);
        // Auth asks again when it got no report: it gets another.
        data.left.store(1, Ordering::Release);
        publish(&outbox, &request(1)).await.unwrap();
        reports(&admin, &[101, 105]).await;
        publish(&outbox, &request(2)).await.unwrap();
        reports(&admin, &[101, 105, 200]).await;
        // Nothing is reported twice.
        tokio::time::sleep(Duration::from_secs(1)).await;
        reports(&admin, &[101, 105, 200]).await;
        assert_eq!(replicas[0].count("dead_letters").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_delays_it_and_another_replica_takes_it_over() {
    on_each(|fleet| async move {
        let data = Arc::new(UserData { left: 3.into(), unavailable: true.into(), ..UserData::default() });
        let first = erasing(&fleet, TwoAtATime(data.clone())).await;
        let admin = admin(&fleet).await;
        let (_publisher, outbox) = fleet.publisher().await;
        publish(&outbox, &request(4)).await.unwrap();
        eventually("a try", async || data.calls.load(Ordering::Acquire) > 0).await;
        assert_eq!((admin.effects().await.len(), data.left.load(Ordering::Acquire)), (0, 3));
        // It stops before the request is done, without releasing its lease.
        first.stop().await;
        assert_eq!(first.count("erasures").await, 1);
        let _second = erasing(&fleet, TwoAtATime(data.clone())).await;
        data.unavailable.store(false, Ordering::Release);
        fleet.clock.advance(Duration::from_secs(60));
        reports(&admin, &[403]).await;
        assert_eq!(first.count("erasures").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_user_is_a_dead_letter() {
    on_each(|fleet| async move {
        let replica = erasing(&fleet, TwoAtATime(Arc::default())).await;
        let (_publisher, outbox) = fleet.publisher().await;
        publish(&outbox, &UserDeleted { user_id: 0, ..request(5) }).await.unwrap();
        let keep_trying = async || {
            fleet.clock.advance(Duration::from_secs(60));
            replica.count("dead_letters").await == 1
        };
        eventually("the dead letter", keep_trying).await;
        assert_eq!((replica.count("erasures").await, replica.count("erased_users").await), (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_about_the_user_are_deleted_too_and_others_by_age() {
    on_each(|fleet| async move {
        let replica = erasing(&fleet, TwoAtATime(Arc::default())).await;
        let admin = admin(&fleet).await;
        let (_publisher, outbox) = fleet.publisher().await;
        publish(&outbox, &event(8)).await.unwrap();
        replica.wait_for(1).await;
        for user in [USER, 70 + USER] {
            let envelope = Envelope::new(&event(user), "content", fleet.clock.now(), &Random::default());
            fleet.deliver(&Envelope { payload: vec![0xff; 3], ..envelope }).await;
        }
        let both_given_up = async || {
            fleet.clock.advance(Duration::from_secs(60));
            replica.count("dead_letters").await == 2
        };
        eventually("the dead letters", both_given_up).await;
        publish(&outbox, &request(6)).await.unwrap();
        reports(&admin, &[600]).await;
        assert_eq!(replica.count("dead_letters").await, 1);
        // Pruning runs at the start, then every hour.
        fleet.clock.advance(Duration::from_secs(9 * 24 * 3600));
        let _next = erasing(&fleet, TwoAtATime(Arc::default())).await;
        eventually("no dead letter", async || replica.count("dead_letters").await == 0).await;
        assert_eq!(replica.count("erased_users").await, 1, "a dead letter of yesterday may still be replayed");
    })
    .await;
}

/// Takes longer than a lease lasts.
struct Slow {
    calls: Arc<AtomicU64>,
    go: Arc<Semaphore>,
}

#[async_trait::async_trait]
impl UserDataEraser for Slow {
    async fn erase(&self, _: UserId) -> Result<Batch> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.go.acquire().await.unwrap().forget();
        Ok(Batch { removed: 1, done: true })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_with_one_request_report_once() {
    on_each(|fleet| async move {
        let (calls, go) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
        let slow = || Slow { calls: calls.clone(), go: go.clone() };
        let _replicas = [erasing(&fleet, slow()).await, erasing(&fleet, slow()).await];
        let admin = admin(&fleet).await;
        let (_publisher, outbox) = fleet.publisher().await;
        publish(&outbox, &request(8)).await.unwrap();
        eventually("the first at work", async || calls.load(Ordering::Acquire) == 1).await;
        fleet.clock.advance(Duration::from_secs(60));
        eventually("both at work", async || calls.load(Ordering::Acquire) == 2).await;
        go.add_permits(2);
        reports(&admin, &[801]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        reports(&admin, &[801]).await;
    })
    .await;
}
