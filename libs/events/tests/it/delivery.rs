//! What is told is heard, once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_chassis::{
    Error, Reason,
    database::{Txn, transact},
    request,
};
use fenz_contract::events::v1::{UserRegistered, UserUpdated};
use fenz_events::{Consumer, Envelope, MAX_BYTES, Received};
use fenz_testkit::Database;
use http::HeaderMap;

use crate::fleet::{Fleet, Via, event, eventually, insert, on_each, recording, tell, write};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_takes_effect_and_nothing_else() {
    on_each(|fleet| async move {
        let hearer = fleet.hearer(recording()).await;
        let (teller, outbox) = fleet.teller().await;
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
        // Nobody hears this kind, and it is in nobody's way.
        let unheard = UserUpdated { user_id: 1, ..UserUpdated::default() };
        tell(&outbox, &unheard).await.unwrap();
        hearer.wait_for(30).await;
        assert_eq!(hearer.effects().await, (1..=30).collect::<Vec<_>>());
        eventually("an empty outbox", async || teller.count("outbox").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_comes_milliseconds_after_the_commit() {
    on_each(|fleet| async move {
        let hearer = fleet.hearer(recording()).await;
        let (teller, outbox) = fleet.teller().await;
        write(&outbox, 0).await.unwrap();
        hearer.wait_for(1).await;
        let mut waits = Vec::new();
        for n in 1..=10 {
            let began = tokio::time::Instant::now();
            // Every other one without the nudge that follows the commit.
            if n % 2 == 0 {
                write(&outbox, n).await.unwrap();
            } else {
                let (outbox, event) = (&outbox, &event(n));
                transact(&teller.db, |txn| async move { outbox.emit(&txn, event).await }).await.unwrap();
            }
            while hearer.count("effects").await <= n {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            waits.push(began.elapsed());
        }
        waits.sort();
        println!("{:?} {:?}: {waits:?}", fleet.bus.url, hearer.db.get_database_backend());
        // Generous: other tests run beside this one.
        assert!(waits[waits.len() / 2] < Duration::from_secs(1), "{waits:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_work_and_repeat_none() {
    on_each(|fleet| async move {
        let hearers = [fleet.hearer(recording()).await, fleet.hearer(recording()).await];
        let (one, first) = fleet.teller().await;
        let (_two, second) = fleet.teller().await;
        let half = |outbox: fenz_events::Outbox, from: i64| async move {
            for n in from..from + 40 {
                write(&outbox, n).await.unwrap();
            }
        };
        // On other threads, as requests are.
        let (first, second) = (tokio::spawn(half(first, 1)), tokio::spawn(half(second, 41)));
        first.await.unwrap();
        second.await.unwrap();
        hearers[0].wait_for(80).await;
        assert_eq!(hearers[1].effects().await, (1..=80).collect::<Vec<_>>());
        eventually("an empty outbox", async || one.count("outbox").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_reordered_deliveries_change_nothing() {
    on_each(|fleet| async move {
        let hearers = [fleet.hearer(recording()).await, fleet.hearer(recording()).await];
        if !fleet.bus.url.is_empty() {
            // Declares the stream.
            let (_teller, outbox) = fleet.teller().await;
            write(&outbox, 0).await.unwrap();
            hearers[0].wait_for(1).await;
        }
        let before = hearers[0].effects().await.len();
        let envelopes: Vec<_> = (1..=8).map(|n| Envelope::new(&event(n), "content", fleet.clock.now())).collect();
        for round in 0..3 {
            for envelope in envelopes.iter().rev() {
                fleet.deliver(envelope).await;
            }
            if round == 1 {
                hearers[0].wait_for(8 + before).await;
            }
        }
        hearers[0].wait_for(8 + before).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(hearers[1].effects().await[before..], (1..=8).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_misses_nothing() {
    on_each(|fleet| async move {
        let (teller, outbox) = fleet.teller().await;
        if fleet.bus.url.is_empty() {
            // In one process the consumers are known before anything is delivered.
            fleet.hearer(recording()).await.stop().await;
        }
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        eventually("an empty outbox", async || teller.count("outbox").await == 0).await;
        let hearer = fleet.hearer(recording()).await;
        hearer.wait_for(10).await;
        assert_eq!(hearer.effects().await, (1..=10).collect::<Vec<_>>());
        // A start later nothing comes again.
        hearer.stop().await;
        let hearer = fleet.hearer(recording()).await;
        write(&outbox, 11).await.unwrap();
        hearer.wait_for(11).await;
        assert_eq!(hearer.effects().await, (1..=11).collect::<Vec<_>>());
    })
    .await;
}

/// While a service is updated, replicas that know a kind of event stand beside
/// some that do not.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_replica_swallows_nothing_that_a_newer_one_hears() {
    on_each(|fleet| async move {
        let newer = recording().on(|txn: Txn, Received { event, .. }: Received<UserUpdated>| async move {
            Ok(insert(&txn, "effects", event.user_id).await?)
        });
        let newer = fleet.hearer(newer).await;
        let (_teller, outbox) = fleet.teller().await;
        write(&outbox, 0).await.unwrap();
        newer.wait_for(1).await;
        let _older = fleet.hearer(recording()).await;
        for n in 1..=20 {
            tell(&outbox, &UserUpdated { user_id: n, ..UserUpdated::default() }).await.unwrap();
        }
        newer.wait_for(21).await;
        assert_eq!(newer.effects().await, (0..=20).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_crosses() {
    on_each(|fleet| async move {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        let consumer = Consumer::new().on(move |txn: Txn, received: Received<UserRegistered>| {
            let notes = notes.clone();
            async move {
                insert(&txn, "effects", received.event.user_id).await?;
                notes.lock().unwrap().push((request::current().unwrap(), received));
                Ok(())
            }
        });
        let hearer = fleet.hearer(consumer).await;
        let (_teller, outbox) = fleet.teller().await;
        let origin = request::Context::of(&HeaderMap::new());
        let before = fleet.clock.now();
        origin.clone().scope(write(&outbox, 7)).await.unwrap();
        hearer.wait_for(1).await;
        let heard = heard.lock().unwrap();
        let (context, received) = &heard[0];
        assert_eq!((context.trace.trace_id, &context.id), (origin.trace.trace_id, &origin.id));
        assert_ne!(context.trace.span_id, origin.trace.span_id);
        assert_eq!((received.subject.as_str(), &received.event), ("user.7.registered", &event(7)));
        assert!(received.occurred_at >= before && received.occurred_at <= fleet.clock.now());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn until_all_consumers_are_known_events_wait() {
    let fleet = Fleet::unopened(Database::Sqlite, &Via::Mailbox).await;
    let (teller, outbox) = fleet.teller().await;
    write(&outbox, 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(teller.count("outbox").await, 1);
    let hearer = fleet.hearer(recording()).await;
    fleet.open();
    hearer.wait_for(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_bus_would_take_is_refused_at_once() {
    let fleet = Fleet::new(Database::Sqlite, &Via::Mailbox).await;
    let (teller, outbox) = fleet.teller().await;
    let large = UserRegistered { username: "x".repeat(MAX_BYTES + 1), ..event(1) };
    tell(&outbox, &large).await.unwrap_err();
    assert_eq!(teller.count("outbox").await, 0);
}
