//! Several replicas, recurring work, stopping.

use std::{sync::Arc, time::Duration};

use fenz_database::transact;
use fenz_jobs::{LEASE, Options, State, Worker};
use fenz_testkit::eventually;
use tokio::sync::Notify;

use crate::fixture::{Numbered, Seen, Single, effective, insert_effect, noting, on_each};

const JOBS: i64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_queue_and_each_job_is_one_replicas() {
    on_each(|fixture| async move {
        let (one, two) = (fixture.replica().await, fixture.replica().await);
        transact(&one.db, |txn| {
            let jobs = &one.jobs;
            async move {
                for n in 0..JOBS {
                    jobs.enqueue_in_txn(&txn, &Numbered { n }, Options::default()).await?;
                }
                Ok(())
            }
        })
        .await
        .unwrap();
        effective(&one).start(&one.platform);
        effective(&two).start(&two.platform);
        eventually(async || one.count("jobs").await == 0).await;
        assert_eq!(one.effects().await, (0..JOBS).collect::<Vec<_>>(), "{:?}", fixture.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_dead_worker_is_taken_over_after_its_lease_and_the_dead_one_cannot_commit() {
    on_each(|fixture| async move {
        let (alive, dead) = (fixture.replica().await, fixture.replica().await);
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        // Its attempt outlives its worker, as that of a suspended process.
        let (attempt, mut attempts) = tokio::sync::mpsc::unbounded_channel();
        let started = begun.clone();
        Worker::new(&dead.jobs)
            .on(move |_: Single, running| {
                attempt.send(running).unwrap();
                started.notify_one();
                std::future::pending()
            })
            .start(&dead.platform);
        dead.enqueue(&Single { n: 1 }, Options::default()).await;
        begun.notified().await;
        let suspended = attempts.recv().await.unwrap();
        let seen = Seen::default();
        let (noted, blocked) = (seen.clone(), go_on.clone());
        Worker::new(&alive.jobs)
            .on(move |job: Single, _| {
                let (times, go_on) = (noted.add(job.n), blocked.clone());
                async move {
                    assert_eq!(times, 1);
                    go_on.notified().await;
                    Ok(())
                }
            })
            .start(&alive.platform);
        alive.advance(LEASE / 2).await;
        assert_eq!(seen.all(), [0; 0]);
        alive.advance(LEASE).await;
        eventually(async || seen.all() == [1]).await;
        let late = transact(&dead.db, |txn| {
            let suspended = &suspended;
            async move {
                insert_effect(&txn, 1).await?;
                suspended.complete_in_txn(&txn).await
            }
        });
        assert!(late.await.is_err(), "{:?}", fixture.database);
        assert!(suspended.progress(50, "").await.is_err());
        assert_eq!((alive.effects().await.len(), alive.list(State::Running).await), (0, vec![1]));
        go_on.notify_one();
        eventually(async || alive.count("jobs").await == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recurring_work_runs_at_the_start_and_then_on_one_replica_each_time() {
    on_each(|fixture| async move {
        let all = Seen::default();
        let mut replicas = Vec::new();
        for n in 0..3 {
            let (replica, seen) = (fixture.replica().await, all.clone());
            noting(&replica.jobs, &Seen::default())
                .every("test.recurring", Duration::from_secs(3600), move || {
                    seen.add(n);
                    async { Ok(()) }
                })
                .start(&replica.platform);
            let runs = replicas.len() + 1;
            eventually(async || all.all().len() == runs).await;
            eventually(async || replica.list(State::Running).await.is_empty()).await;
            replicas.push(replica);
        }
        for times in 1..=3 {
            for replica in &replicas {
                replica.advance(Duration::from_secs(1201)).await;
            }
            eventually(async || all.all().len() >= replicas.len() + times).await;
            eventually(async || replicas[0].list(State::Running).await.is_empty()).await;
            assert_eq!(all.all().len(), replicas.len() + times, "{:?}", fixture.database);
        }
    })
    .await;
}

/// A job becomes due while the worker looks for the next one: it does not wait for the poll.
#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_short_interval_never_waits_for_the_poll() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        let noted = seen.clone();
        Worker::new(&replica.jobs)
            .every("test.recurring", Duration::from_millis(3), move || {
                noted.add(1);
                async { Ok(()) }
            })
            .start(&replica.platform);
        eventually(async || seen.all().len() >= 200).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_gives_its_job_to_the_next_at_once() {
    on_each(|fixture| async move {
        let (stopping, next) = (fixture.replica().await, fixture.replica().await);
        let begun = Arc::new(Notify::new());
        let started = begun.clone();
        Worker::new(&stopping.jobs)
            .on(move |_: Single, _| {
                started.notify_one();
                std::future::pending()
            })
            .start(&stopping.platform);
        stopping.enqueue(&Single { n: 1 }, Options::default()).await;
        begun.notified().await;
        stopping.stop().await;
        let info = fenz_jobs::Jobs::list(&next.db, State::Waiting, 10).await.unwrap();
        assert_eq!((info.len(), info[0].attempts), (1, 0), "{:?}", fixture.database);
        let seen = Seen::default();
        noting(&next.jobs, &seen).start(&next.platform);
        eventually(async || next.count("jobs").await == 0).await;
        assert_eq!(seen.all(), [1]);
    })
    .await;
}
