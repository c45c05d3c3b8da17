//! Forgetting a user: portion by portion, through failures, reported once per
//! order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn};
use fenz_contract::events::v1::{UserDeleted, UserErased, UserRegistered};
use fenz_events::{Consumer, Envelope, Eraser, Erasures, Outbox, Portion, Received};
use tokio::sync::Semaphore;

use crate::fleet::{Fleet, Replica, event, eventually, insert, on_each, tell};

const USER: i64 = 7;

/// What there is of the user, over all replicas.
#[derive(Default)]
struct Belongings {
    left: AtomicU64,
    calls: AtomicU64,
    /// What this eraser needs does not answer.
    away: AtomicBool,
}

/// Takes two at a time. Each third call fails.
struct TwoAtATime(Arc<Belongings>);

#[async_trait::async_trait]
impl Eraser for TwoAtATime {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        assert_eq!(user, UserId(USER));
        if self.0.calls.fetch_add(1, Ordering::AcqRel) % 3 == 1 || self.0.away.load(Ordering::Acquire) {
            return Err(Error::new(Reason::Unavailable, "the object store does not answer"));
        }
        let before = self.0.left.load(Ordering::Acquire);
        let removed = before.min(2);
        self.0.left.store(before - removed, Ordering::Release);
        Ok(Portion { removed, done: before == removed })
    }
}

/// A replica that registers users, and forgets them.
async fn forgetting(fleet: &Fleet, eraser: impl Eraser) -> Replica {
    let replica = fleet.idle_hearer().await;
    let outbox = Outbox::start(&replica.platform).await.unwrap();
    let erasures = Erasures::new(&replica.platform, &outbox).unwrap();
    let (orders, known) = (erasures.clone(), erasures.clone());
    let consumer = Consumer::new()
        .on(move |txn: Txn, Received { event, .. }: Received<UserDeleted>| {
            let orders = orders.clone();
            async move { orders.order_in_txn(&txn, &event).await }
        })
        .on(move |txn: Txn, Received { event, .. }: Received<UserRegistered>| {
            let known = known.clone();
            async move {
                if !known.is_erased(txn.as_ref(), UserId(event.user_id)).await? {
                    insert(&txn, "effects", event.user_id).await?;
                }
                Ok(())
            }
        });
    consumer.start(&replica.platform).await.unwrap();
    erasures.start(&replica.platform, eraser).unwrap();
    replica
}

/// Where reports go: what was removed becomes an effect.
async fn overseer(fleet: &Fleet) -> Replica {
    let consumer = Consumer::new().on(|txn: Txn, Received { event, .. }: Received<UserErased>| async move {
        assert_eq!((event.user_id, event.service.as_str()), (USER, "channel"));
        Ok(insert(&txn, "effects", event.erasure_id * 100 + event.removed).await?)
    });
    fleet.hearing_teller(consumer).await
}

fn order(erasure_id: i64) -> UserDeleted {
    UserDeleted { user_id: USER, erasure_id, version: 9, occurred_at: None }
}

async fn reports(overseer: &Replica, wanted: &[i64]) {
    eventually(&format!("the reports {wanted:?}"), async || overseer.effects().await.len() >= wanted.len()).await;
    assert_eq!(overseer.effects().await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_goes_in_portions_and_the_end_is_told_once() {
    on_each(|fleet| async move {
        let belongings = Arc::new(Belongings { left: 5.into(), ..Belongings::default() });
        let replicas = [
            forgetting(&fleet, TwoAtATime(belongings.clone())).await,
            forgetting(&fleet, TwoAtATime(belongings.clone())).await,
        ];
        let overseer = overseer(&fleet).await;
        let (_teller, outbox) = fleet.teller().await;
        tell(&outbox, &event(USER)).await.unwrap();
        replicas[0].wait_for(1).await;
        tell(&outbox, &order(1)).await.unwrap();
        // Two, nothing for a failure, two, one: five.
        reports(&overseer, &[105]).await;
        assert_eq!(belongings.left.load(Ordering::Acquire), 0);
        assert_eq!(replicas[0].count("erasures").await, 0);
        // Late news of them changes nothing, of others it does.
        tell(&outbox, &event(USER)).await.unwrap();
        tell(&outbox, &event(8)).await.unwrap();
        replicas[0].wait_for(2).await;
        assert_eq!(replicas[0].effects().await, [USER, 8]);
        // Auth asks again when it did not hear the report: it hears another.
        belongings.left.store(1, Ordering::Release);
        tell(&outbox, &order(1)).await.unwrap();
        reports(&overseer, &[101, 105]).await;
        tell(&outbox, &order(2)).await.unwrap();
        reports(&overseer, &[101, 105, 200]).await;
        // Nobody tells twice.
        tokio::time::sleep(Duration::from_secs(1)).await;
        reports(&overseer, &[101, 105, 200]).await;
        assert_eq!(replicas[0].count("dead_letters").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_away_delays_it_and_another_replica_takes_it_over() {
    on_each(|fleet| async move {
        let belongings = Arc::new(Belongings { left: 3.into(), away: true.into(), ..Belongings::default() });
        let first = forgetting(&fleet, TwoAtATime(belongings.clone())).await;
        let overseer = overseer(&fleet).await;
        let (_teller, outbox) = fleet.teller().await;
        tell(&outbox, &order(4)).await.unwrap();
        eventually("a try", async || belongings.calls.load(Ordering::Acquire) > 0).await;
        assert_eq!((overseer.effects().await.len(), belongings.left.load(Ordering::Acquire)), (0, 3));
        // It stops with the order undone and its lease unreturned.
        first.stop().await;
        assert_eq!(first.count("erasures").await, 1);
        let _second = forgetting(&fleet, TwoAtATime(belongings.clone())).await;
        belongings.away.store(false, Ordering::Release);
        fleet.clock.advance(Duration::from_secs(60));
        reports(&overseer, &[403]).await;
        assert_eq!(first.count("erasures").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_about_nobody_is_set_aside() {
    on_each(|fleet| async move {
        let replica = forgetting(&fleet, TwoAtATime(Arc::default())).await;
        let (_teller, outbox) = fleet.teller().await;
        tell(&outbox, &UserDeleted { user_id: 0, ..order(5) }).await.unwrap();
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
async fn what_was_given_up_about_them_goes_too_and_the_rest_with_time() {
    on_each(|fleet| async move {
        let replica = forgetting(&fleet, TwoAtATime(Arc::default())).await;
        let overseer = overseer(&fleet).await;
        let (_teller, outbox) = fleet.teller().await;
        tell(&outbox, &event(8)).await.unwrap();
        replica.wait_for(1).await;
        for user in [USER, 70 + USER] {
            let told = Envelope::new(&event(user), "content", fleet.clock.now());
            fleet.deliver(&Envelope { payload: vec![0xff; 3], ..told }).await;
        }
        let both_given_up = async || {
            fleet.clock.advance(Duration::from_secs(60));
            replica.count("dead_letters").await == 2
        };
        eventually("the dead letters", both_given_up).await;
        tell(&outbox, &order(6)).await.unwrap();
        reports(&overseer, &[600]).await;
        assert_eq!(replica.count("dead_letters").await, 1);
        // What is pruned every hour is pruned at the start too.
        fleet.clock.advance(Duration::from_secs(9 * 24 * 3600));
        let _next = forgetting(&fleet, TwoAtATime(Arc::default())).await;
        eventually("no dead letter", async || replica.count("dead_letters").await == 0).await;
        assert_eq!(replica.count("erased_users").await, 1, "a letter of yesterday may still be replayed");
    })
    .await;
}

/// Takes longer than a lease lasts.
struct Slow {
    calls: Arc<AtomicU64>,
    go: Arc<Semaphore>,
}

#[async_trait::async_trait]
impl Eraser for Slow {
    async fn erase(&self, _: UserId) -> Result<Portion> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.go.acquire().await.unwrap().forget();
        Ok(Portion { removed: 1, done: true })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_at_one_order_report_once() {
    on_each(|fleet| async move {
        let (calls, go) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
        let slow = || Slow { calls: calls.clone(), go: go.clone() };
        let _replicas = [forgetting(&fleet, slow()).await, forgetting(&fleet, slow()).await];
        let overseer = overseer(&fleet).await;
        let (_teller, outbox) = fleet.teller().await;
        tell(&outbox, &order(8)).await.unwrap();
        eventually("the first at work", async || calls.load(Ordering::Acquire) == 1).await;
        fleet.clock.advance(Duration::from_secs(60));
        eventually("both at work", async || calls.load(Ordering::Acquire) == 2).await;
        go.add_permits(2);
        reports(&overseer, &[801]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        reports(&overseer, &[801]).await;
    })
    .await;
}
