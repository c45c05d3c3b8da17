//! What admin is told about a service's jobs, and the retry of a dead one.

use std::{sync::Arc, time::Duration};

use fenz_contract::jobs::v1::JobQueue as Queue;
use fenz_core::{Error, Reason};
use fenz_jobs::{Job, JobQueue, Options, State, Worker};
use fenz_testkit::eventually;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};

use crate::fixture::{Numbered, Seen, Single, on_each};

/// Runs until it is interrupted.
#[derive(Serialize, Deserialize)]
struct Endless {}

impl Job for Endless {
    const KIND: &'static str = "test.endless";
}

/// Kind, state, number.
fn counts(queue: &Queue) -> Vec<(&str, &str, i64)> {
    queue.counts.iter().map(|count| (count.kind.as_str(), count.state.as_str(), count.count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_ages_and_dead_jobs_are_told_and_a_dead_one_is_retried() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        let queue = JobQueue::new(&replica.platform, &replica.db);
        assert_eq!(queue.get().await.unwrap(), Queue::default(), "{:?}", fixture.database);

        // Nobody runs the first kind; the second fails at its last attempt.
        replica.enqueue(&Numbered { n: 1 }, Options::default()).await;
        let later = fixture.clock.after(Duration::from_secs(1_000));
        replica.enqueue(&Numbered { n: 2 }, Options::default().at(later)).await;
        replica.enqueue(&Single { n: 3 }, Options::key(&"a")).await;
        let last = format!("UPDATE jobs SET attempts = {} WHERE job_key = 'a'", Single::RETRIES.attempts - 1);
        replica.db.execute_unprepared(&last).await.unwrap();
        replica.enqueue(&Endless {}, Options::default()).await;
        let (noted, begun) = (seen.clone(), Arc::new(Notify::new()));
        let begins = begun.clone();
        Worker::new(&replica.jobs)
            .on(move |job: Single, _| {
                let times = noted.add(job.n);
                let broken = Error::internal(anyhow::anyhow!("broken"));
                async move { if times == 1 { Err(broken) } else { Ok(()) } }
            })
            .on(move |_: Endless, _| {
                begins.notify_one();
                std::future::pending()
            })
            .start(&replica.platform);
        begun.notified().await;
        eventually(async || replica.list(State::Dead).await == [3]).await;
        replica.advance(Duration::from_secs(10)).await;

        let told = queue.get().await.unwrap();
        let expected = [(Endless::KIND, "running", 1), (Numbered::KIND, "waiting", 2), (Single::KIND, "dead", 1)];
        assert_eq!(counts(&told), expected, "{:?}", fixture.database);
        for count in &told.counts {
            assert!((10..60).contains(&count.oldest_age_seconds), "{:?}: {count:?}", fixture.database);
        }
        let [dead] = &told.dead[..] else { panic!("{told:?}") };
        assert_eq!((told.dead_total, dead.kind.as_str(), dead.key.as_str()), (1, Single::KIND, "a"));
        assert_eq!((dead.state.as_str(), dead.attempts), ("dead", Single::RETRIES.attempts.cast_signed()));
        assert!(dead.error.contains("broken") && dead.died_at.is_some(), "{dead:?}");

        assert_eq!(queue.retry(dead.id + 1).await.unwrap_err().reason, Reason::JobNotFound);
        let begun = Instant::now();
        let retried = queue.retry(dead.id).await.unwrap();
        assert_eq!((retried.id, retried.state.as_str(), retried.attempts), (dead.id, "waiting", 0));
        assert_eq!(retried.died_at, None);
        eventually(async || seen.all() == [3, 3] && replica.list(State::Dead).await.is_empty()).await;
        // SQLite is polled each ten seconds.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: it was found by polling", fixture.database);
        assert_eq!(queue.retry(dead.id).await.unwrap_err().reason, Reason::JobNotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_dead_jobs_the_newest_are_told() {
    on_each(|fixture| async move {
        let replica = fixture.replica().await;
        for n in 0..103 {
            replica.enqueue(&Numbered { n }, Options::default()).await;
        }
        replica.db.execute_unprepared("UPDATE jobs SET run_at = NULL").await.unwrap();
        let told = JobQueue::new(&replica.platform, &replica.db).get().await.unwrap();
        assert_eq!((told.dead_total, told.dead.len()), (103, 100), "{:?}", fixture.database);
        assert_eq!(counts(&told), [(Numbered::KIND, "dead", 103)]);
        assert!(told.dead.is_sorted_by_key(|job| std::cmp::Reverse(job.id)));
        // They have no key of their own.
        assert!(told.dead.iter().all(|job| job.key.is_empty()));
    })
    .await;
}
