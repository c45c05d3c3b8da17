//! A service with jobs, in any number of replicas.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_chassis::{Endpoints, Platform, Process, Service, settings::Sources};
use fenz_core::{Clock, Result};
use fenz_database::{Txn, transact};
use fenz_jobs::{Job, Jobs, Options, State, Worker};
use fenz_testkit::Database;
use futures::{FutureExt, future::join_all};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use sea_orm_migration::prelude::*;
use serde::{Deserialize, Serialize};

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        // The effects have no key, so that duplicates are visible.
        let effects = fenz_database::schema::table("m20261130_000000_effects", |_| {
            Table::create().table("effects").col(ColumnDef::new("n").big_integer().not_null()).to_owned()
        });
        std::iter::once(effects).chain(fenz_jobs::migrations()).collect()
    }
}

type Config = BTreeMap<String, String>;

pub struct Tested;

impl Service for Tested {
    const NAME: &'static str = "media";
    const PORT: u16 = 0;
    type Config = Config;
    type Requirements = (fenz_database::Database<Migrator>,);

    async fn build(_: Platform, _: Self::Requirements, _: Config) -> anyhow::Result<Endpoints> {
        Ok(Endpoints::default())
    }
}

/// A job that a test tells apart by its number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Numbered {
    pub n: i64,
}

impl Job for Numbered {
    const KIND: &'static str = "test.numbered";
    const TIMEOUT: Duration = Duration::from_millis(500);
}

/// One at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Single {
    pub n: i64,
}

impl Job for Single {
    const KIND: &'static str = "test.single";
    const CONCURRENCY: usize = 1;
}

pub struct Fixture {
    pub database: Database,
    pub url: String,
    pub clock: Clock,
    _folder: Option<tempfile::TempDir>,
}

/// One process of the service.
pub struct Replica {
    pub process: Process,
    pub platform: Platform,
    pub db: DatabaseConnection,
    pub jobs: Jobs,
}

impl Fixture {
    pub async fn new(database: Database) -> Self {
        fenz_chassis::prepare();
        let folder = tempfile::tempdir().unwrap();
        let url = database.create(folder.path(), "jobs").await.unwrap();
        Self { database, url, clock: Clock::default(), _folder: Some(folder) }
    }

    pub fn existing(database: Database, url: String) -> Self {
        fenz_chassis::prepare();
        Self { database, url, clock: Clock::default(), _folder: None }
    }

    pub fn sources(&self) -> Sources {
        let mut sources = Sources::default();
        for (key, value) in [("url", self.url.as_str()), ("max_connections", "6"), ("acquire_timeout", "10s")] {
            sources.set(&["database", key], value).unwrap();
        }
        sources
    }

    pub async fn replica(&self) -> Replica {
        let mut process = Process::default();
        process.clock = self.clock.clone();
        let (settings, _) = self.sources().service::<Config>(Tested::NAME).unwrap();
        let (platform, (db,)) = fenz_chassis::connect::<Tested>(settings, &process).await.unwrap();
        let jobs = Jobs::new(&platform, &db);
        Replica { process, platform, db: db.connection(), jobs }
    }
}

/// Runs a test on each database at the same time.
pub async fn on_each<F: Future<Output = ()>>(test: impl Fn(Fixture) -> F) {
    let mut running = Vec::new();
    for database in Database::available() {
        let test = AssertUnwindSafe(test(Fixture::new(database).await)).catch_unwind();
        running.push(async move { (database, test.await) });
    }
    let failed = join_all(running).await.into_iter().filter(|(_, outcome)| outcome.is_err());
    let failed: Vec<_> = failed.map(|(database, _)| database).collect();
    assert!(failed.is_empty(), "failed on {failed:?}");
}

impl Replica {
    /// Enqueues a job in a transaction of its own.
    pub async fn enqueue<J: Job>(&self, job: &J, options: Options) {
        let (jobs, options) = (&self.jobs, &options);
        transact(&self.db, |txn| async move { jobs.enqueue_in_txn(&txn, job, options.clone()).await }).await.unwrap();
    }

    /// Turns the clock, which sleeping workers do not see, and wakes them.
    pub async fn advance(&self, by: Duration) {
        self.platform.clock.advance(by);
        self.cancel::<Numbered>("no such job").await;
    }

    pub async fn cancel<J: Job>(&self, key: &str) -> bool {
        transact(&self.db, |txn| async move { self.jobs.cancel_in_txn::<J>(&txn, key).await }).await.unwrap()
    }

    pub async fn list(&self, state: State) -> Vec<i64> {
        let jobs = Jobs::list(&self.db, state, 10_000).await.unwrap();
        jobs.iter().map(|job| serde_json::from_str::<Numbered>(&job.payload).map_or(-1, |job| job.n)).collect()
    }

    pub async fn count(&self, table: &str) -> i64 {
        self.ask(&format!("SELECT COUNT(*) AS n FROM {table}")).await[0]
    }

    /// The effects, with duplicates.
    pub async fn effects(&self) -> Vec<i64> {
        self.ask("SELECT n FROM effects ORDER BY n").await
    }

    async fn ask(&self, sql: &str) -> Vec<i64> {
        let statement = Statement::from_string(self.db.get_database_backend(), sql);
        self.db.query_all_raw(statement).await.unwrap().iter().map(|row| row.try_get("", "n").unwrap()).collect()
    }

    /// Ends it as a SIGTERM would.
    pub async fn stop(&self) {
        self.process.stop.cancel();
        self.process.tasks.close();
        self.process.tasks.wait().await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.process.stop.cancel();
    }
}

pub async fn insert_effect(txn: &Txn, n: i64) -> Result<()> {
    let sql = format!("INSERT INTO effects (n) VALUES ({n})");
    txn.execute_unprepared(&sql).await.map_err(fenz_database::DbError::from)?;
    Ok(())
}

/// The numbers that handlers were given, in order.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<i64>>>);

impl Seen {
    /// Returns how often it has been seen, this time included.
    pub fn add(&self, n: i64) -> usize {
        let mut seen = self.0.lock().unwrap();
        seen.push(n);
        seen.iter().filter(|other| **other == n).count()
    }

    pub fn all(&self) -> Vec<i64> {
        self.0.lock().unwrap().clone()
    }
}

/// A worker that commits each effect with its job.
pub fn effective(replica: &Replica) -> Worker {
    let db = replica.db.clone();
    Worker::new(&replica.jobs).on(move |job: Numbered, running| {
        let db = db.clone();
        async move {
            transact(&db, |txn| {
                let running = &running;
                async move {
                    insert_effect(&txn, job.n).await?;
                    running.complete_in_txn(&txn).await
                }
            })
            .await
        }
    })
}

/// A worker that notes what it is given.
pub fn noting(jobs: &Jobs, seen: &Seen) -> Worker {
    let (numbered, single) = (seen.clone(), seen.clone());
    Worker::new(jobs)
        .on(move |job: Numbered, _| {
            numbered.add(job.n);
            async { Ok(()) }
        })
        .on(move |job: Single, _| {
            single.add(job.n);
            async { Ok(()) }
        })
}
