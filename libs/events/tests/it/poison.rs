//! Events that are bad, and those beside them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use fenz_contract::events::v1::UserRegistered;
use fenz_core::Random;
use fenz_database::{DbError, Txn};
use fenz_events::{Consumer, Envelope, HandlerError, ReceivedEvent, dead_letters};

use crate::fleet::{event, eventually, insert, on_each, write};

/// Refused by the handler, and met with a panic; 3 breaks a rule of the
/// database, because it says nothing that fits.
const REFUSED: i64 = 1;
const PANICS: i64 = 2;
const TOO_MUCH: i64 = 3;

fn picky(tries: Arc<AtomicUsize>, repaired: Arc<AtomicBool>) -> Consumer {
    Consumer::new().on(move |txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserRegistered>| {
        let (tries, repaired) = (tries.clone(), repaired.clone());
        async move {
            insert(&txn, "effects", event.user_id).await?;
            if repaired.load(Ordering::Acquire) {
                return Ok(());
            }
            match event.user_id {
                REFUSED => {
                    tries.fetch_add(1, Ordering::AcqRel);
                    return Err(HandlerError::invalid("not this one"));
                }
                PANICS => panic!("a handler of the test panics"),
                // A row that is there: the name of a migration.
                TOO_MUCH => {
                    use sea_orm::ConnectionTrait;
                    let again = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('effects', 0)";
                    txn.execute_unprepared(again).await.map_err(DbError::from)?;
                }
                _ => {}
            }
            Ok(())
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_stops_nobody_and_can_be_replayed() {
    on_each(|fleet| async move {
        let (tries, repaired) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let subscriber = fleet.subscriber(picky(tries.clone(), repaired.clone())).await;
        let (_publisher, outbox) = fleet.publisher().await;
        let begin = tokio::time::Instant::now();
        for n in 1..=20 {
            write(&outbox, n).await.unwrap();
        }
        // Were they behind the bad ones, those would be given up first.
        eventually("a good one", async || !subscriber.effects().await.is_empty()).await;
        assert_eq!(subscriber.count("dead_letters").await, 0, "the good ones waited for the bad ones");
        eventually("the good ones", async || subscriber.effects().await.len() == 17).await;
        let given_up = subscriber.count("dead_letters").await;
        // Five tries take three seconds.
        let is_slow = begin.elapsed() >= std::time::Duration::from_secs(3);
        assert!(given_up == 0 || is_slow, "the good ones waited for the bad ones");

        let unreadable = Envelope {
            payload: vec![0xff; 3],
            ..Envelope::new(&event(4), "content", fleet.clock.now(), &Random::default())
        };
        fleet.deliver(&unreadable).await;
        eventually("dead letters", async || subscriber.count("dead_letters").await == 4).await;
        assert_eq!(tries.load(Ordering::Acquire), 5);
        assert_eq!((subscriber.count("mailbox").await, subscriber.count("inbox").await), (0, 17));

        let letters = dead_letters::list(&subscriber.db, 10).await.unwrap();
        let reason = |n: i64| {
            let subject = format!("user.{n}.registered");
            letters.iter().find(|l| l.envelope.subject == subject).map(|l| l.reason.as_str()).unwrap_or_default()
        };
        assert_eq!(reason(REFUSED), "not this one");
        assert!(reason(PANICS).contains("a handler of the test panics"), "{letters:?}");
        assert!(reason(4).contains("cannot be decoded"), "{letters:?}");

        repaired.store(true, Ordering::Release);
        let one = letters.iter().find(|l| l.envelope.subject == "user.1.registered").unwrap();
        assert_eq!(dead_letters::replay(&subscriber.db, &fleet.clock, Some(&one.envelope.id)).await.unwrap(), 1);
        subscriber.wait_for(18).await;
        assert_eq!(dead_letters::replay(&subscriber.db, &fleet.clock, None).await.unwrap(), 3);
        eventually("all effects", async || subscriber.effects().await.len() == 20).await;
        // What cannot be read stays unreadable.
        eventually("a dead letter", async || subscriber.count("dead_letters").await == 1).await;
        assert_eq!(subscriber.effects().await, (1..=20).collect::<Vec<_>>());
    })
    .await;
}
