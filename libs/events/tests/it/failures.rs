//! Outages of broker, databases and replicas.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fenz_core::{Error, Reason};
use fenz_events::HandlerError;
use fenz_testkit::Database;
use sea_orm::ConnectionTrait;

use crate::{
    broker::Broker,
    fleet::{Fleet, Transport, eventually, failing, on_each, recording, write},
};

/// Less than a publication waits for the broker.
const MUST_WRITE_WITHIN: Duration = Duration::from_millis(4_500);

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_without_the_broker_and_everything_arrives_later() {
    let Some(mut broker) = Broker::new() else { return };
    // It starts later than the services.
    let fleet = Fleet::new(Database::of_a_fleet(), &Transport::JetStream(broker.url())).await;
    let subscriber = fleet.subscriber(recording()).await;
    let (publisher, outbox) = fleet.publisher().await;
    let write_all = async |from: i64| {
        for n in from..from + 20 {
            let took = tokio::time::Instant::now();
            write(&outbox, n).await.unwrap();
            assert!(took.elapsed() < MUST_WRITE_WITHIN, "a request waited for the broker");
        }
    };
    write_all(1).await;
    broker.start();
    subscriber.wait_for(20).await;
    write_all(21).await;
    broker.stop();
    write_all(41).await;
    // Now the sweeper publishes the rows too.
    fleet.clock.advance(Duration::from_secs(6));
    write_all(61).await;
    broker.start();
    subscriber.wait_for(80).await;
    // Stream and consumer are lost.
    broker.delete_data();
    write_all(81).await;
    broker.start();
    write_all(101).await;
    subscriber.wait_for(120).await;
    assert_eq!(subscriber.effects().await, (1..=120).collect::<Vec<_>>());
    eventually("an empty outbox", async || publisher.count("outbox").await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_fails_in_a_minute_without_the_broker_and_nothing_is_lost() {
    let Some(mut broker) = Broker::new() else { return };
    broker.start();
    let fleet = Fleet::new(Database::of_a_fleet(), &Transport::JetStream(broker.url())).await;
    let subscriber = fleet.subscriber(recording()).await;
    let (publisher, outbox) = fleet.publisher().await;
    let ended = Arc::new(AtomicBool::new(false));
    let (stop, writer) = (ended.clone(), outbox.clone());
    let load = tokio::spawn(async move {
        let (mut n, mut slowest) = (0, Duration::ZERO);
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        while !stop.load(Ordering::Acquire) {
            tick.tick().await;
            n += 1;
            let began = tokio::time::Instant::now();
            write(&writer, n).await.expect("no write fails for a broker");
            slowest = slowest.max(began.elapsed());
        }
        (n, slowest)
    });
    let sleep = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    sleep(3).await;
    subscriber.wait_for(1).await;
    broker.stop();
    sleep(60).await;
    let handled = subscriber.effects().await.len();
    broker.start();
    sleep(3).await;
    ended.store(true, Ordering::Release);
    let (written, slowest) = load.await.unwrap();
    assert!(written >= 1_200 && handled < 200, "{written} written, {handled} handled during the outage");
    // Writes wait only for their database.
    assert!(slowest < MUST_WRITE_WITHIN, "one took {slowest:?}");
    subscriber.wait_for(written as usize).await;
    assert_eq!(subscriber.effects().await, (1..=written).collect::<Vec<_>>());
    eventually("an empty outbox", async || publisher.count("outbox").await == 0).await;
    assert_eq!(subscriber.count("dead_letters").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_dead_replica_are_published_by_another() {
    on_each(|mut fleet| async move {
        let subscriber = fleet.subscriber(recording()).await;
        // A replica that never reaches the bus.
        let bus = fleet.bus.clone();
        fleet.bus.url = "nats://127.0.0.1:1".into();
        let (dead, outbox) = fleet.publisher().await;
        for n in 1..=5 {
            write(&outbox, n).await.unwrap();
        }
        dead.stop().await;
        assert_eq!(dead.count("outbox").await, 5);
        fleet.bus = bus;
        let replicas = [fleet.publisher().await, fleet.publisher().await];
        fleet.clock.advance(Duration::from_secs(6));
        subscriber.wait_for(5).await;
        assert_eq!(subscriber.effects().await, (1..=5).collect::<Vec<_>>());
        eventually("an empty outbox", async || replicas[0].0.count("outbox").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_dependency_is_unavailable_nothing_is_fetched_or_given_up() {
    on_each(|fleet| async move {
        let (unavailable, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (outage, count) = (unavailable.clone(), tries.clone());
        let subscriber = fleet
            .subscriber(failing(move |_| {
                count.fetch_add(1, Ordering::AcqRel);
                let error = Error::new(Reason::Unavailable, "the media service does not answer");
                outage.load(Ordering::Acquire).then(|| error.into())
            }))
            .await;
        let (_publisher, outbox) = fleet.publisher().await;
        for n in 1..=40 {
            write(&outbox, n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        // Delays of 0.2, 0.4, 0.8, … s, a few events at a time.
        let tries = tries.load(Ordering::Acquire);
        assert!((2..=40).contains(&tries), "{tries} tries");
        assert_eq!((subscriber.count("dead_letters").await, subscriber.effects().await.len()), (0, 0));
        unavailable.store(false, Ordering::Release);
        subscriber.wait_for(40).await;
        assert_eq!(subscriber.effects().await, (1..=40).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_costs_no_event() {
    on_each(|fleet| async move {
        let subscriber = fleet.subscriber(recording()).await;
        let (_publisher, outbox) = fleet.publisher().await;
        subscriber.run("ALTER TABLE effects RENAME TO renamed").await;
        for n in 1..=10 {
            write(&outbox, n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((subscriber.count("dead_letters").await, subscriber.count("renamed").await), (0, 0));
        subscriber.run("ALTER TABLE renamed RENAME TO effects").await;
        subscriber.wait_for(10).await;
        assert_eq!(subscriber.effects().await, (1..=10).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumers_database_may_be_unavailable() {
    let Some(admin) = fenz_testkit::Server::Postgres.url() else { return };
    let admin = sea_orm::Database::connect(admin).await.unwrap();
    let transports = fenz_testkit::Server::Nats.url().map(Transport::JetStream).into_iter().chain([Transport::Mailbox]);
    for transport in transports {
        let fleet = Fleet::new(Database::Postgres, &transport).await;
        let subscriber = fleet.subscriber(recording()).await;
        let (_publisher, outbox) = fleet.publisher().await;
        write(&outbox, 0).await.unwrap();
        subscriber.wait_for(1).await;
        let name = fleet.subscriber_url.rsplit('/').next().unwrap();
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
        subscriber.wait_for(11).await;
        assert_eq!(subscriber.effects().await, (0..=10).collect::<Vec<_>>(), "{transport:?}");
        assert_eq!(subscriber.count("dead_letters").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_rolls_back_what_the_handler_did() {
    on_each(|fleet| async move {
        let first = AtomicBool::new(true);
        let once =
            move |n: i64| (n == 1 && first.swap(false, Ordering::AcqRel)).then(|| HandlerError::invalid("not yet"));
        let subscriber = fleet.subscriber(failing(once)).await;
        let (_publisher, outbox) = fleet.publisher().await;
        write(&outbox, 1).await.unwrap();
        write(&outbox, 2).await.unwrap();
        subscriber.wait_for(2).await;
        assert_eq!(subscriber.effects().await, [1, 2]);
    })
    .await;
}
