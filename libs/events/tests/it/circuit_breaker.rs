//! Errors that no rule explains: one event's fault, an outage, or a bad release.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fenz_core::{Error, Reason};
use fenz_events::{Consumer, HandlerError, dead_letters};
use fenz_testkit::Database;

use crate::fleet::{Fleet, Measured, Transport, eventually, failing, on_each, recording, write};

fn internal() -> HandlerError {
    Error::internal(anyhow::anyhow!("a bug of the test")).into()
}

/// Fails for every event while the switch is on, and counts the tries.
fn failing_while(broken: &Arc<AtomicBool>, tries: &Arc<AtomicUsize>) -> Consumer {
    let (broken, tries) = (broken.clone(), tries.clone());
    failing(move |_| {
        tries.fetch_add(1, Ordering::AcqRel);
        broken.load(Ordering::Acquire).then(internal)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_always_fails_is_given_up_and_blocks_no_other() {
    on_each(|fleet| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let count = tries.clone();
        let subscriber = fleet
            .subscriber(failing(move |n| (n == 1).then(|| count.fetch_add(1, Ordering::AcqRel)).map(|_| internal())))
            .await;
        let (_publisher, outbox) = fleet.publisher().await;
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        eventually("the others", async || subscriber.effects().await.len() == 9).await;
        eventually("a dead letter", async || subscriber.count("dead_letters").await == 1).await;
        assert_eq!(tries.load(Ordering::Acquire), 5);
        let given_up = dead_letters::list(&subscriber.db, 10).await.unwrap();
        assert!(given_up[0].reason.contains("a bug of the test"), "{given_up:?}");
        assert_eq!(subscriber.count("mailbox").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_dependency_is_unavailable_is_kept_and_blocks_no_other() {
    on_each(|fleet| async move {
        let unavailable = || Error::new(Reason::Unavailable, "a peer does not answer").into();
        let subscriber = fleet.subscriber(failing(move |n| (n == 1).then(unavailable))).await;
        let (_publisher, outbox) = fleet.publisher().await;
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        eventually("the others", async || subscriber.effects().await.len() == 9).await;
        eventually("the first one to be kept", async || subscriber.count("mailbox").await == 1).await;
        assert_eq!(subscriber.count("dead_letters").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_events_fail_nothing_is_given_up() {
    on_each(|fleet| async move {
        let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let subscriber = fleet.subscriber(failing_while(&broken, &tries)).await;
        let (_publisher, outbox) = fleet.publisher().await;
        for n in 1..=6 {
            write(&outbox, n).await.unwrap();
        }
        eventually("three tries", async || tries.load(Ordering::Acquire) >= 3).await;
        // Five tries of one event take three seconds.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let tries = tries.load(Ordering::Acquire);
        assert!(tries < 30, "{tries} tries");
        assert_eq!((subscriber.effects().await.len(), subscriber.count("dead_letters").await), (0, 0));
        broken.store(false, Ordering::Release);
        subscriber.wait_for(6).await;
        assert_eq!(subscriber.effects().await, (1..=6).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_given_up_before_others_fail_too_are_tried_again() {
    on_each(|fleet| async move {
        let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let subscriber = fleet.subscriber(failing_while(&broken, &tries)).await;
        let (_publisher, outbox) = fleet.publisher().await;
        write(&outbox, 1).await.unwrap();
        eventually("a dead letter", async || subscriber.count("dead_letters").await == 1).await;
        write(&outbox, 2).await.unwrap();
        write(&outbox, 3).await.unwrap();
        eventually("no dead letter", async || subscriber.count("dead_letters").await == 0).await;
        broken.store(false, Ordering::Release);
        subscriber.wait_for(3).await;
        assert_eq!(subscriber.effects().await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_consumer_resumes_when_another_event_succeeds() {
    on_each(|fleet| async move {
        let subscriber = fleet.subscriber(failing(|n| (n <= 3).then(internal))).await;
        let (_publisher, outbox) = fleet.publisher().await;
        for n in 1..=3 {
            write(&outbox, n).await.unwrap();
        }
        eventually("three failures", async || subscriber.count("mailbox").await == 3).await;
        let mut n = 3;
        eventually("three dead letters", async || {
            n += 1;
            write(&outbox, n).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            subscriber.count("dead_letters").await == 3
        })
        .await;
        subscriber.wait_for(n as usize - 3).await;
        assert_eq!(subscriber.effects().await, (4..=n).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_required_dependency_does_not_answer_nothing_is_given_up() {
    on_each(|fleet| async move {
        let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let subscriber = fleet.subscriber(failing_while(&broken, &tries)).await;
        let outage = broken.clone();
        subscriber.platform.readiness.require("channel.store", move || {
            let outage = outage.load(Ordering::Acquire);
            async move {
                anyhow::ensure!(!outage, "does not answer");
                Ok(())
            }
        });
        let (_publisher, outbox) = fleet.publisher().await;
        write(&outbox, 1).await.unwrap();
        // Five tries of one event take three seconds.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(tries.load(Ordering::Acquire) > 0);
        assert_eq!(subscriber.count("dead_letters").await, 0);
        broken.store(false, Ordering::Release);
        subscriber.wait_for(1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_unavailable_nothing_is_given_up() {
    on_each(|fleet| async move {
        let subscriber = fleet.subscriber(recording()).await;
        let (_publisher, outbox) = fleet.publisher().await;
        write(&outbox, 0).await.unwrap();
        subscriber.wait_for(1).await;
        // As a server that is down, for this replica only.
        subscriber.db.connection().close().await.unwrap();
        for n in 1..=5 {
            write(&outbox, n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        let next = fleet.subscriber(recording()).await;
        assert_eq!(next.count("dead_letters").await, 0);
        subscriber.stop().await;
        next.wait_for(6).await;
        assert_eq!(next.effects().await, (0..=5).collect::<Vec<_>>());
    })
    .await;
}

/// The one test with this service, since metrics are shared by all tests.
#[tokio::test(flavor = "multi_thread")]
async fn every_consumer_is_measured() {
    let fleet = Fleet::new(Database::Sqlite, &Transport::Mailbox).await;
    let replica = fleet.replica::<Measured>(&fleet.subscriber_url).await;
    let broken = Arc::new(AtomicBool::new(true));
    failing_while(&broken, &Arc::default()).start(&replica.platform, &replica.db).await.unwrap();
    let metric = |line: &str| {
        let (name, value) = line.split_once(' ').unwrap();
        let line = format!("fenz_events_{name}{{service=\"measured\"}} {value}");
        fenz_chassis::ops::recorder().render().lines().any(|rendered| rendered == line)
    };
    for line in ["consumer_waiting 0", "mailbox_rows 0", "dead_letters 0", "consumer_halted 0"] {
        eventually(line, async || metric(line)).await;
    }
    let (_publisher, outbox) = fleet.publisher().await;
    for n in 1..=3 {
        write(&outbox, n).await.unwrap();
    }
    eventually("consumer_halted 1", async || metric("consumer_halted 1")).await;
    eventually("consumer_waiting 3", async || metric("consumer_waiting 3")).await;
    broken.store(false, Ordering::Release);
    eventually("consumer_halted 0", async || metric("consumer_halted 0")).await;
    replica.wait_for(3).await;
}
