//! A service's database with the tables of this library, as what the service
//! requires. It brings the commands for dead letters and jobs with it, and what
//! admin asks about jobs.

use std::{marker::PhantomData, ops::Deref};

use fenz_chassis::{Command, Platform, Requirement};
use fenz_contract::{Endpoint, jobs::v1::job_queue_service};
use fenz_database::DatabaseSettings;
use fenz_jobs::JobQueue;
use sea_orm::DatabaseConnection;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::{dead_letters, erasure::ErasureParticipants};

/// A database with the schema of `M` and the tables of outbox, inbox, mailbox,
/// erasures and jobs.
pub struct Database<M>(fenz_database::Database<Schema<M>>);

/// The service's migrations, then ours.
struct Schema<M>(PhantomData<M>);

impl<M: MigratorTrait> MigratorTrait for Schema<M> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        M::migrations().into_iter().chain(crate::store::migrations()).chain(fenz_jobs::migrations()).collect()
    }
}

impl<M> Database<M> {
    /// The pool of connections. Clones share it.
    pub fn connection(&self) -> DatabaseConnection {
        self.0.connection()
    }
}

impl<M: MigratorTrait + Send + 'static> Database<M> {
    /// Connects and brings the schema up to date.
    ///
    /// # Errors
    /// When the database does not answer or a migration fails.
    pub async fn open(settings: &DatabaseSettings, service: &str) -> anyhow::Result<Self> {
        Ok(Self(fenz_database::Database::open(settings, service).await?))
    }
}

impl<M> Deref for Database<M> {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.0
    }
}

impl<M: MigratorTrait + Send + 'static> Requirement for Database<M> {
    type Settings = DatabaseSettings;
    const SECTION: &'static str = "database";

    async fn connect(settings: DatabaseSettings, platform: &Platform) -> anyhow::Result<Self> {
        if !M::migrations().is_empty() {
            check_erasure(platform);
        }
        Ok(Self(<fenz_database::Database<Schema<M>> as Requirement>::connect(settings, platform).await?))
    }

    fn commands() -> Vec<Command> {
        let mut commands = <fenz_database::Database<Schema<M>> as Requirement>::commands();
        let about = "List events that were given up, or replay them: list | replay [id]";
        commands.push(Command::new("dead-letters", about, dead_letters::command));
        let about = "List background jobs, or try dead ones again: list [dead|running|waiting] | retry <id>|all";
        commands.push(Command::new("jobs", about, fenz_jobs::command));
        commands
    }

    fn endpoints(&self, platform: &Platform) -> Vec<Endpoint> {
        vec![job_queue_service(JobQueue::new(platform, self), platform.authorizer.clone())]
    }
}

/// Fails the process when a service with tables of its own takes no part in
/// erasure: users' data would stay.
fn check_erasure(platform: &Platform) {
    let (readiness, service, stop) = (platform.readiness.clone(), platform.service, platform.stop.clone());
    let participants: ErasureParticipants = platform.shared.get();
    platform.spawn("events.erasure_check", async move {
        if stop.run_until_cancelled(readiness.until_started()).await.is_some() {
            anyhow::ensure!(
                participants.contains(service),
                "{service} has not started Erasures: users' data would stay"
            );
            stop.cancelled().await;
        }
        Ok(())
    });
}
