//! Enqueueing, keys, order, cancellation.

use std::{sync::Arc, time::Duration};

use fenz_core::Error;
use fenz_database::transact;
use fenz_jobs::{Options, Priority, State, Worker};
use fenz_testkit::eventually;
use tokio::{sync::Notify, time::Instant};

use crate::fixture::{Numbered, Seen, Single, noting, on_each};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_at_once_after_the_commit_and_never_without_one() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        noting(&replica.jobs, &seen).start(&replica.platform);
        let rolled_back = transact(&replica.db, |txn| {
            let jobs = &replica.jobs;
            async move {
                jobs.enqueue_in_txn(&txn, &Numbered { n: 1 }, Options::default()).await?;
                Err::<(), _>(Error::internal(anyhow::anyhow!("rolled back")))
            }
        });
        assert!(rolled_back.await.is_err());
        let begun = Instant::now();
        replica.enqueue(&Numbered { n: 2 }, Options::default()).await;
        eventually(async || replica.count("jobs").await == 0).await;
        // SQLite is polled each ten seconds.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: it was found by polling", fixture.database);
        assert_eq!(seen.all(), [2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_with_one_key_are_one_with_the_newest_payload_and_the_earliest_time() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        let later = |seconds| fixture.clock.after(Duration::from_secs(seconds));
        replica.enqueue(&Numbered { n: 1 }, Options::key(&"a").at(later(500))).await;
        replica.enqueue(&Numbered { n: 2 }, Options::key(&"a").at(later(100))).await;
        replica.enqueue(&Numbered { n: 3 }, Options::key(&"a").at(later(300))).await;
        replica.enqueue(&Numbered { n: 4 }, Options::key(&"b").at(later(300))).await;
        assert_eq!(replica.list(State::Waiting).await, [3, 4]);
        noting(&replica.jobs, &seen).start(&replica.platform);
        replica.advance(Duration::from_secs(200)).await;
        eventually(async || replica.count("jobs").await == 1).await;
        assert_eq!((seen.all(), replica.list(State::Waiting).await), (vec![3], vec![4]), "{:?}", fixture.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_enqueued_while_it_runs_runs_once_more() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (noted, started, waited) = (seen.clone(), begun.clone(), go_on.clone());
        Worker::new(&replica.jobs)
            .on(move |job: Single, _| {
                let (seen, begun, go_on) = (noted.clone(), started.clone(), waited.clone());
                async move {
                    seen.add(job.n);
                    begun.notify_one();
                    if job.n == 1 {
                        go_on.notified().await;
                    }
                    Ok(())
                }
            })
            .start(&replica.platform);
        replica.enqueue(&Single { n: 1 }, Options::key(&"a")).await;
        begun.notified().await;
        replica.enqueue(&Single { n: 2 }, Options::key(&"a")).await;
        replica.enqueue(&Single { n: 3 }, Options::key(&"a")).await;
        assert_eq!(seen.all(), [1], "{:?}: two attempts at once", fixture.database);
        go_on.notify_one();
        eventually(async || replica.count("jobs").await == 0).await;
        assert_eq!(seen.all(), [1, 3], "{:?}", fixture.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_jobs_come_first_and_then_the_oldest() {
    on_each(|fixture| async move {
        let (replica, seen) = (fixture.replica().await, Seen::default());
        for (n, priority) in [(1, Priority::Low), (2, Priority::Normal), (3, Priority::Normal), (4, Priority::High)] {
            replica.enqueue(&Single { n }, Options { priority, ..Options::default() }).await;
        }
        noting(&replica.jobs, &seen).start(&replica.platform);
        eventually(async || replica.count("jobs").await == 0).await;
        assert_eq!(seen.all(), [4, 2, 3, 1], "{:?}", fixture.database);
    })
    .await;
}

/// Notifies when a handler ends, however it ends.
struct OnDrop(Arc<Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_does_not_run_and_a_running_one_is_interrupted() {
    on_each(|fixture| async move {
        let replica = fixture.replica().await;
        let (begun, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (started, dropped) = (begun.clone(), ended.clone());
        Worker::new(&replica.jobs)
            .on(move |_: Single, running| {
                let (begun, ended) = (started.clone(), OnDrop(dropped.clone()));
                async move {
                    let _until_the_end = ended;
                    running.progress(42, "half way").await?;
                    begun.notify_one();
                    std::future::pending().await
                }
            })
            .start(&replica.platform);
        let later = fixture.clock.after(Duration::from_secs(100));
        replica.enqueue(&Single { n: 1 }, Options::key(&"waiting").at(later)).await;
        replica.enqueue(&Single { n: 2 }, Options::key(&"running")).await;
        begun.notified().await;
        let info = replica.jobs.find::<Single>("running").await.unwrap().unwrap();
        assert_eq!((info.state, info.progress, info.message.as_str()), (State::Running, 42, "half way"));
        for (key, existed) in [("waiting", true), ("running", true), ("running", false)] {
            let cancelled = replica.cancel::<Single>(key).await;
            assert_eq!(cancelled, existed, "{key}");
        }
        ended.notified().await;
        assert_eq!(replica.count("jobs").await, 0, "{:?}", fixture.database);
    })
    .await;
}
