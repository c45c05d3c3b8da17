//! Durable background work, in the service's own database.
//!
//! A job is enqueued in the transaction that wants it and run by one replica at a
//! time, until it succeeds or is given up:
//!
//! ```text
//! transaction ── enqueue ──> waiting ── claim ──> running ── done: the row is deleted
//!                               ^                    │
//!                               ├── failed, lease lost ──> dead (after the last attempt)
//!                               └──────── retry by an operator ──────┘
//! ```
//!
//! ```no_run
//! # use std::time::Duration;
//! # use fenz_chassis::Platform;
//! # use sea_orm::DatabaseConnection;
//! use fenz_jobs::{Job, Jobs, Options, Worker};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct SendMail {
//!     user: i64,
//! }
//!
//! impl Job for SendMail {
//!     const KIND: &'static str = "mail.send";
//! }
//!
//! # async fn build(platform: Platform, db: DatabaseConnection) -> fenz_core::Result<()> {
//! let jobs = Jobs::new(&platform, &db);
//! Worker::new(&jobs)
//!     .on(|job: SendMail, _| async move {
//!         // `?` turns errors into another attempt.
//!         # let _ = job.user;
//!         Ok(())
//!     })
//!     .every("mail.prune", Duration::from_secs(3600), || async { Ok(()) })
//!     .start(&platform);
//!
//! fenz_database::transact(&db, |txn| {
//!     let jobs = &jobs;
//!     async move {
//!         // … change rows with `txn`, then:
//!         jobs.enqueue_in_txn(&txn, &SendMail { user: 7 }, Options::default()).await
//!     }
//! })
//! .await?;
//! # Ok(())
//! # }
//! ```
//!
//! A job runs at least once: its effect must bear repetition, or be committed with
//! [`Running::complete_in_txn`], which makes it exactly once. A worker holds a job
//! under a lease and renews it; when it dies, another takes the job after
//! [`LEASE`]. A worker is woken at once by a commit of its own process, and polls
//! once a second for what other replicas enqueued.
//!
//! Operators see the jobs by [`command`], and those of all services through admin,
//! which asks the [`JobQueue`] of each.
//!
//! | metric, per `service` and `kind` | |
//! |---|---|
//! | `fenz_jobs` (gauge, by `state`) | jobs that wait (from now on or later), run, are dead |
//! | `fenz_jobs_oldest_due_seconds` (gauge) | how long the oldest has been waiting for a worker |
//! | `fenz_jobs_runs_total` (counter, by `outcome`) | `done`, `failed`, `dead`, `lost` |
//! | `fenz_jobs_run_seconds` (histogram) | how long a run takes |

mod command;
mod gauges;
mod job_queue;
mod jobs;
mod retries;
mod running;
mod store;
mod worker;

pub use command::command;
pub use job_queue::JobQueue;
pub use jobs::{Job, JobInfo, Jobs, Options, Priority, State};
pub use retries::Retries;
pub use running::{LEASE, Running};
pub use store::migrations;
pub use worker::Worker;
