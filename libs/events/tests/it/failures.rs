//! Broker, databases and replicas go away and come back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fenz_chassis::{Error, Reason};
use fenz_events::Refusal;
use fenz_testkit::Database;
use sea_orm::ConnectionTrait;

use crate::{
    broker::Broker,
    fleet::{Fleet, Via, eventually, on_each, recording, refusing, write},
};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_for_a_broker_and_everything_arrives_after() {
    let Some(mut broker) = Broker::new() else { return };
    // It comes later than the services.
    let fleet = Fleet::new(Database::of_a_fleet(), &Via::JetStream(broker.url())).await;
    let hearer = fleet.hearer(recording()).await;
    let (teller, outbox) = fleet.teller().await;
    let write_all = async |from: i64| {
        for n in from..from + 20 {
            let took = tokio::time::Instant::now();
            write(&outbox, n).await.unwrap();
            assert!(took.elapsed() < Duration::from_secs(1), "a request waited for the broker");
        }
    };
    write_all(1).await;
    broker.start();
    hearer.wait_for(20).await;
    write_all(21).await;
    broker.stop();
    write_all(41).await;
    // Longer than rows count as fresh.
    fleet.clock.advance(Duration::from_secs(6));
    write_all(61).await;
    broker.start();
    hearer.wait_for(80).await;
    // With nothing left of what was declared.
    broker.forget();
    write_all(81).await;
    broker.start();
    write_all(101).await;
    hearer.wait_for(120).await;
    assert_eq!(hearer.effects().await, (1..=120).collect::<Vec<_>>());
    eventually("an empty outbox", async || teller.count("outbox").await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_without_the_broker_fails_no_write_and_loses_nothing() {
    let Some(mut broker) = Broker::new() else { return };
    broker.start();
    let fleet = Fleet::new(Database::of_a_fleet(), &Via::JetStream(broker.url())).await;
    let hearer = fleet.hearer(recording()).await;
    let (teller, outbox) = fleet.teller().await;
    let over = Arc::new(AtomicBool::new(false));
    let (ended, writer) = (over.clone(), outbox.clone());
    let load = tokio::spawn(async move {
        let (mut n, mut slowest) = (0, Duration::ZERO);
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        while !ended.load(Ordering::Acquire) {
            turn.tick().await;
            n += 1;
            let began = tokio::time::Instant::now();
            write(&writer, n).await.expect("no write fails for a broker");
            slowest = slowest.max(began.elapsed());
        }
        (n, slowest)
    });
    let pause = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    pause(3).await;
    hearer.wait_for(1).await;
    broker.stop();
    pause(60).await;
    let heard = hearer.effects().await.len();
    broker.start();
    pause(3).await;
    over.store(true, Ordering::Release);
    let (written, slowest) = load.await.unwrap();
    assert!(written >= 1_200 && heard < 200, "{written} written, {heard} heard before the broker was back");
    // Writes wait for nothing but their database.
    assert!(slowest < Duration::from_secs(2), "one took {slowest:?}");
    hearer.wait_for(written as usize).await;
    assert_eq!(hearer.effects().await, (1..=written).collect::<Vec<_>>());
    eventually("an empty outbox", async || teller.count("outbox").await == 0).await;
    assert_eq!(hearer.count("dead_letters").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_replica_left_another_publishes() {
    on_each(|mut fleet| async move {
        let hearer = fleet.hearer(recording()).await;
        // One that never reaches the bus.
        let bus = fleet.bus.clone();
        fleet.bus.url = "nats://127.0.0.1:1".into();
        let (dead, outbox) = fleet.teller().await;
        for n in 1..=5 {
            write(&outbox, n).await.unwrap();
        }
        dead.stop().await;
        assert_eq!(dead.count("outbox").await, 5);
        fleet.bus = bus;
        let replicas = [fleet.teller().await, fleet.teller().await];
        fleet.clock.advance(Duration::from_secs(6));
        hearer.wait_for(5).await;
        assert_eq!(hearer.effects().await, (1..=5).collect::<Vec<_>>());
        eventually("an empty outbox", async || replicas[0].0.count("outbox").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_something_is_away_nothing_is_fetched_or_given_up() {
    on_each(|fleet| async move {
        let (away, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (gone, count) = (away.clone(), tries.clone());
        let hearer = fleet
            .hearer(refusing(move |_| {
                count.fetch_add(1, Ordering::AcqRel);
                let refusal = Error::new(Reason::Unavailable, "the media service does not answer");
                gone.load(Ordering::Acquire).then(|| refusal.into())
            }))
            .await;
        let (_teller, outbox) = fleet.teller().await;
        for n in 1..=40 {
            write(&outbox, n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        // With pauses of 0.2, 0.4, 0.8, … s, a few events at a time.
        let tries = tries.load(Ordering::Acquire);
        assert!((2..=40).contains(&tries), "{tries} tries");
        assert_eq!((hearer.count("dead_letters").await, hearer.effects().await.len()), (0, 0));
        away.store(false, Ordering::Release);
        hearer.wait_for(40).await;
        assert_eq!(hearer.effects().await, (1..=40).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_away_costs_no_event() {
    on_each(|fleet| async move {
        let hearer = fleet.hearer(recording()).await;
        let (_teller, outbox) = fleet.teller().await;
        hearer.run("ALTER TABLE effects RENAME TO put_away").await;
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((hearer.count("dead_letters").await, hearer.count("put_away").await), (0, 0));
        hearer.run("ALTER TABLE put_away RENAME TO effects").await;
        hearer.wait_for(10).await;
        assert_eq!(hearer.effects().await, (1..=10).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumers_database_may_be_away() {
    let Ok(admin) = std::env::var("FENZ_TEST_POSTGRES") else { return };
    let admin = sea_orm::Database::connect(admin).await.unwrap();
    let vias = std::env::var("FENZ_TEST_NATS").ok().map(Via::JetStream).into_iter().chain([Via::Mailbox]);
    for via in vias {
        let fleet = Fleet::new(Database::Postgres, &via).await;
        let hearer = fleet.hearer(recording()).await;
        let (_teller, outbox) = fleet.teller().await;
        write(&outbox, 0).await.unwrap();
        hearer.wait_for(1).await;
        let name = fleet.hearer_url.rsplit('/').next().unwrap();
        let allow = async |yes: bool| {
            admin.execute_unprepared(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}")).await.unwrap();
        };
        allow(false).await;
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        admin.execute_unprepared(&cut).await.unwrap();
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        allow(true).await;
        hearer.wait_for(11).await;
        assert_eq!(hearer.effects().await, (0..=10).collect::<Vec<_>>(), "{via:?}");
        assert_eq!(hearer.count("dead_letters").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_undoes_what_the_handler_did() {
    on_each(|fleet| async move {
        let first = AtomicBool::new(true);
        let once = move |n: i64| (n == 1 && first.swap(false, Ordering::AcqRel)).then(|| Refusal::message("not yet"));
        let hearer = fleet.hearer(refusing(once)).await;
        let (_teller, outbox) = fleet.teller().await;
        write(&outbox, 1).await.unwrap();
        write(&outbox, 2).await.unwrap();
        hearer.wait_for(2).await;
        assert_eq!(hearer.effects().await, [1, 2]);
    })
    .await;
}
