//! What is published is handled once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_chassis::request;
use fenz_contract::events::v1::{UserRegistered, UserUpdated};
use fenz_core::{Error, Random, Reason};
use fenz_database::{Txn, transact};
use fenz_events::{Consumer, Envelope, MAX_BYTES, ReceivedEvent};
use fenz_testkit::Database;
use http::HeaderMap;

use crate::fleet::{Fleet, Transport, event, eventually, insert, on_each, publish, recording, write};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_handled_and_nothing_else() {
    on_each(|fleet| async move {
        let subscriber = fleet.subscriber(recording()).await;
        let (publisher, outbox) = fleet.publisher().await;
        for n in 1..=30 {
            write(&outbox, n).await.unwrap();
        }
        let refused = outbox.transact(|txn| {
            let outbox = &outbox;
            async move {
                outbox.emit(&txn, &event(99)).await?;
                Err::<(), _>(Error::new(Reason::PermissionDenied, "no"))
            }
        });
        refused.await.unwrap_err();
        // This kind has no consumer, and blocks none.
        let unhandled = UserUpdated { user_id: 1, ..UserUpdated::default() };
        publish(&outbox, &unhandled).await.unwrap();
        subscriber.wait_for(30).await;
        assert_eq!(subscriber.effects().await, (1..=30).collect::<Vec<_>>());
        eventually("an empty outbox", async || publisher.count("outbox").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_comes_milliseconds_after_the_commit() {
    on_each(|fleet| async move {
        let subscriber = fleet.subscriber(recording()).await;
        let (publisher, outbox) = fleet.publisher().await;
        write(&outbox, 0).await.unwrap();
        subscriber.wait_for(1).await;
        let mut waits = [Vec::new(), Vec::new()];
        for n in 1..=10_i64 {
            let began = tokio::time::Instant::now();
            // Every other one without `Outbox::transact`, which notifies the relay.
            if n % 2 == 0 {
                write(&outbox, n).await.unwrap();
            } else {
                let (outbox, event) = (&outbox, &event(n));
                transact(&publisher.db, |txn| async move { outbox.emit(&txn, event).await }).await.unwrap();
            }
            while subscriber.count("effects").await <= n {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            waits[n as usize % 2].push(began.elapsed());
        }
        println!("{:?} {:?}: {waits:?}", fleet.bus.url, subscriber.db.get_database_backend());
        // The shortest: other tests run beside this one.
        assert!(waits.iter().all(|w| w.iter().min() < Some(&Duration::from_secs(1))), "{waits:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_work_and_repeat_none() {
    on_each(|fleet| async move {
        let subscribers = [fleet.subscriber(recording()).await, fleet.subscriber(recording()).await];
        let (one, first) = fleet.publisher().await;
        let (_two, second) = fleet.publisher().await;
        let half = |outbox: fenz_events::Outbox, from: i64| async move {
            for n in from..from + 40 {
                write(&outbox, n).await.unwrap();
            }
        };
        // On other threads, as requests are.
        let (first, second) = (tokio::spawn(half(first, 1)), tokio::spawn(half(second, 41)));
        first.await.unwrap();
        second.await.unwrap();
        subscribers[0].wait_for(80).await;
        assert_eq!(subscribers[1].effects().await, (1..=80).collect::<Vec<_>>());
        eventually("an empty outbox", async || one.count("outbox").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_reordered_deliveries_change_nothing() {
    on_each(|fleet| async move {
        let subscribers = [fleet.subscriber(recording()).await, fleet.subscriber(recording()).await];
        if !fleet.bus.url.is_empty() {
            // Declares the stream.
            let (_publisher, outbox) = fleet.publisher().await;
            write(&outbox, 0).await.unwrap();
            subscribers[0].wait_for(1).await;
        }
        let before = subscribers[0].effects().await.len();
        let envelopes: Vec<_> =
            (1..=8).map(|n| Envelope::new(&event(n), "content", fleet.clock.now(), &Random::default())).collect();
        for round in 0..3 {
            for envelope in envelopes.iter().rev() {
                fleet.deliver(envelope).await;
            }
            if round == 1 {
                subscribers[0].wait_for(8 + before).await;
            }
        }
        subscribers[0].wait_for(8 + before).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(subscribers[1].effects().await[before..], (1..=8).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_starts_later_misses_nothing() {
    on_each(|fleet| async move {
        let (publisher, outbox) = fleet.publisher().await;
        if fleet.bus.url.is_empty() {
            // In one process the consumers are known before anything is delivered.
            fleet.subscriber(recording()).await.stop().await;
        }
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        eventually("an empty outbox", async || publisher.count("outbox").await == 0).await;
        let subscriber = fleet.subscriber(recording()).await;
        subscriber.wait_for(10).await;
        assert_eq!(subscriber.effects().await, (1..=10).collect::<Vec<_>>());
        // After a restart nothing is delivered again.
        subscriber.stop().await;
        let subscriber = fleet.subscriber(recording()).await;
        write(&outbox, 11).await.unwrap();
        subscriber.wait_for(11).await;
        assert_eq!(subscriber.effects().await, (1..=11).collect::<Vec<_>>());
    })
    .await;
}

/// During a rolling update some replicas handle a kind of event and some do not.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_replica_drops_no_event_that_a_newer_one_handles() {
    on_each(|fleet| async move {
        let newer = recording().on(|txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserUpdated>| async move {
            Ok(insert(&txn, "effects", event.user_id).await?)
        });
        let newer = fleet.subscriber(newer).await;
        let (_publisher, outbox) = fleet.publisher().await;
        write(&outbox, 0).await.unwrap();
        newer.wait_for(1).await;
        let _older = fleet.subscriber(recording()).await;
        for n in 1..=20 {
            publish(&outbox, &UserUpdated { user_id: n, ..UserUpdated::default() }).await.unwrap();
        }
        newer.wait_for(21).await;
        assert_eq!(newer.effects().await, (0..=20).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_is_continued() {
    on_each(|fleet| async move {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = calls.clone();
        let consumer = Consumer::new().on(move |txn: Txn, received: ReceivedEvent<UserRegistered>| {
            let log = log.clone();
            async move {
                insert(&txn, "effects", received.event.user_id).await?;
                log.lock().unwrap().push((request::current().unwrap(), received));
                Ok(())
            }
        });
        let subscriber = fleet.subscriber(consumer).await;
        let (_publisher, outbox) = fleet.publisher().await;
        let origin = request::Context::of(&HeaderMap::new(), &Random::default());
        let before = fleet.clock.now();
        origin.clone().scope(write(&outbox, 7)).await.unwrap();
        subscriber.wait_for(1).await;
        let calls = calls.lock().unwrap();
        let (context, received) = &calls[0];
        assert_eq!((context.trace.trace_id, &context.id), (origin.trace.trace_id, &origin.id));
        assert_ne!(context.trace.span_id, origin.trace.span_id);
        assert_eq!((received.subject.as_str(), &received.event), ("user.7.registered", &event(7)));
        assert!(received.occurred_at >= before && received.occurred_at <= fleet.clock.now());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_until_all_consumers_are_known() {
    let fleet = Fleet::unopened(Database::Sqlite, &Transport::Mailbox).await;
    let (publisher, outbox) = fleet.publisher().await;
    write(&outbox, 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(publisher.count("outbox").await, 1);
    let subscriber = fleet.subscriber(recording()).await;
    fleet.open();
    subscriber.wait_for(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_bus_would_take_is_refused_at_once() {
    let fleet = Fleet::new(Database::Sqlite, &Transport::Mailbox).await;
    let (publisher, outbox) = fleet.publisher().await;
    let large = UserRegistered { username: "x".repeat(MAX_BYTES + 1), ..event(1) };
    publish(&outbox, &large).await.unwrap_err();
    assert_eq!(publisher.count("outbox").await, 0);
}
