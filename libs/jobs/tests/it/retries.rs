//! Failures: tried again, given up, brought back.

use std::time::Duration;

use fenz_core::{Clock, Error};
use fenz_jobs::{Job, Jobs, Options, State, Worker};
use fenz_testkit::eventually;

use crate::fixture::{Numbered, Replica, Seen, Single, on_each};

/// Longer than the longest delay between two attempts.
const LONG: Duration = Duration::from_secs(400);

/// Lets the attempts of a job happen, of which there have been so many.
async fn attempt(replica: &Replica, seen: &Seen, so_many: usize) {
    replica.advance(LONG).await;
    eventually(async || seen.all().len() == so_many).await;
    eventually(async || replica.list(State::Running).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_is_tried_again_later_and_dead_after_its_last_attempt() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        let noted = seen.clone();
        Worker::new(&replica.jobs)
            .on(move |job: Numbered, _| {
                let times = noted.add(job.n);
                async move {
                    match times {
                        // Each kind of failure counts.
                        1 => panic!("a test's panic"),
                        2 => std::future::pending().await,
                        11 => Ok(()),
                        _ => Err(Error::internal(anyhow::anyhow!("attempt {times} failed"))),
                    }
                }
            })
            .start(&replica.platform);
        replica.enqueue(&Numbered { n: 7 }, Options::key(&"a")).await;
        eventually(async || !seen.all().is_empty()).await;
        let limit = Numbered::RETRIES.attempts as usize;
        for times in 2..=limit {
            attempt(&replica, &seen, times).await;
        }
        eventually(async || replica.list(State::Dead).await == [7]).await;
        let info = replica.jobs.find::<Numbered>("a").await.unwrap().unwrap();
        assert!(info.error.contains("attempt 10 failed"), "{info:?}");
        replica.advance(LONG).await;
        assert_eq!(Jobs::retry_dead(&replica.db, &fixture.clock, Some(info.id + 1)).await.unwrap(), 0);
        assert_eq!(seen.all().len(), limit, "{:?}", fixture.database);
        assert_eq!(Jobs::retry_dead(&replica.db, &fixture.clock, Some(info.id)).await.unwrap(), 1);
        replica.advance(Duration::ZERO).await;
        eventually(async || replica.count("jobs").await == 0).await;
        assert_eq!(seen.all().len(), limit + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unavailable_is_tried_for_ever() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        let noted = seen.clone();
        Worker::new(&replica.jobs)
            .on(move |job: Single, _| {
                let times = noted.add(job.n);
                let away = Error::unavailable("the object store", anyhow::anyhow!("refused"));
                async move { if times <= 15 { Err(away) } else { Ok(()) } }
            })
            .start(&replica.platform);
        replica.enqueue(&Single { n: 7 }, Options::default()).await;
        eventually(async || !seen.all().is_empty()).await;
        for times in 2..=16 {
            attempt(&replica, &seen, times).await;
        }
        eventually(async || replica.count("jobs").await == 0).await;
        assert_eq!(seen.all().len(), 16, "{:?}", fixture.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_job_that_is_enqueued_again_lives() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        replica.enqueue(&Single { n: 1 }, Options::key(&"a")).await;
        let sql = "UPDATE jobs SET run_at = NULL, attempts = 10";
        sea_orm::ConnectionTrait::execute_unprepared(&replica.db, sql).await.unwrap();
        assert_eq!(replica.list(State::Dead).await, [1]);
        replica.enqueue(&Single { n: 2 }, Options::key(&"a")).await;
        crate::fixture::noting(&replica.jobs, &seen).start(&replica.platform);
        eventually(async || replica.count("jobs").await == 0).await;
        assert_eq!(seen.all(), [2], "{:?}", fixture.database);
    })
    .await;
}

/// A job whose workers die is no job that is tried for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_workers_is_dead_at_last() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        replica.enqueue(&Single { n: 1 }, Options::key(&"a")).await;
        // As its last worker left it.
        let lapsed = fixture.clock.ago(Duration::from_secs(1)).format("%Y-%m-%d %H:%M:%S");
        let sql =
            format!("UPDATE jobs SET claim = 'dead', attempts = {}, run_at = '{lapsed}'", Single::RETRIES.attempts);
        sea_orm::ConnectionTrait::execute_unprepared(&replica.db, &sql).await.unwrap();
        crate::fixture::noting(&replica.jobs, &seen).start(&replica.platform);
        eventually(async || replica.list(State::Dead).await == [1]).await;
        assert!(seen.all().is_empty(), "{:?}", fixture.database);
        assert_eq!(Jobs::retry_dead(&replica.db, &Clock::default(), None).await.unwrap(), 1);
    })
    .await;
}
