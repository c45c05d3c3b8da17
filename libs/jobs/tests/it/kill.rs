//! kill -9 with real processes on every database.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use fenz_core::Random;
use fenz_database::transact;
use fenz_jobs::{Options, State, Worker};
use fenz_testkit::{Database, rounds, within};
use tokio::time::sleep;

use crate::fixture::{Fixture, Numbered, Replica, Single, effective, insert_effect, on_each};

/// The environment variable with the database of a child process.
const DATABASE: &str = "JOBS_TEST_DATABASE";
/// Leases of the dead end after fifteen seconds, one after the other.
const LEASES: Duration = Duration::from_secs(60);

/// A worker in a process of its own, killed when it is dropped.
struct ChildProcess(Child);

impl ChildProcess {
    fn start(fixture: &Fixture) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--nocapture"])
            .env(DATABASE, &fixture.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // SIGKILL: it cannot clean up.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Not a test: what the processes of the one below run.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let replica = Fixture::existing(Database::Sqlite, url).replica().await;
    worker(&replica).start(&replica.platform);
    std::future::pending::<()>().await;
}

/// Of a `Numbered` job the effect is committed with it; that of a `Single` one, before it.
fn worker(replica: &Replica) -> Worker {
    let db = replica.db.clone();
    effective(replica).on(move |job: Single, _| {
        let db = db.clone();
        async move { transact(&db, |txn| async move { insert_effect(&txn, -job.n).await }).await }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_job_has_its_effect_though_workers_are_killed() {
    // Jobs, and kills before the workers may finish.
    let (jobs, kills) = rounds((300, 12), (1_000, 40));
    on_each(|fixture| async move {
        let observer = fixture.replica().await;
        transact(&observer.db, |txn| {
            let queue = &observer.jobs;
            async move {
                for n in 1..=jobs {
                    queue.enqueue_in_txn(&txn, &Numbered { n }, Options::default()).await?;
                    if n % 10 == 0 {
                        queue.enqueue_in_txn(&txn, &Single { n }, Options::default()).await?;
                    }
                }
                Ok(())
            }
        })
        .await
        .unwrap();
        let random = Random::default();
        let mut children = [ChildProcess::start(&fixture), ChildProcess::start(&fixture)];
        for _ in 0..kills {
            sleep(Duration::from_millis(30 + random.value::<u64>() % 300)).await;
            children[usize::from(random.value::<u8>() % 2)] = ChildProcess::start(&fixture);
        }
        within(LEASES, async || observer.count("jobs").await == 0).await;
        let (exact, least): (Vec<_>, Vec<_>) = observer.effects().await.into_iter().partition(|n| *n > 0);
        assert_eq!(exact, (1..=jobs).collect::<Vec<_>>(), "{:?}", fixture.database);
        let mut least: Vec<_> = least.into_iter().map(|n| -n).collect();
        least.sort_unstable();
        least.dedup();
        assert_eq!(least, (1..=jobs / 10).map(|n| n * 10).collect::<Vec<_>>(), "{:?}", fixture.database);
        assert_eq!(observer.list(State::Dead).await, [0; 0]);
    })
    .await;
}
