//! A database as what a service requires.

use std::{marker::PhantomData, ops::Deref};

use anyhow::Result;
use fenz_chassis::{Command, Invocation, Platform, Requirement};
use sea_orm::DatabaseConnection;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::{DatabaseSettings, connect, migrate, room};

/// The schema of a service without tables of its own.
pub struct NoMigrations;

impl MigratorTrait for NoMigrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// A service's own database, with the schema of `M`.
pub struct Database<M> {
    connection: DatabaseConnection,
    schema: PhantomData<fn() -> M>,
}

impl<M> Database<M> {
    /// The pool of connections. Clones share it.
    pub fn connection(&self) -> DatabaseConnection {
        self.connection.clone()
    }
}

impl<M> Deref for Database<M> {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl<M: MigratorTrait> Database<M> {
    /// Connects and brings the schema up to date.
    ///
    /// # Errors
    /// When the database does not answer or a migration fails.
    pub async fn open(settings: &DatabaseSettings, service: &str) -> Result<Self> {
        let connection = connect(settings).await?;
        migrate::<M>(&connection, service).await?;
        Ok(Self { connection, schema: PhantomData })
    }
}

impl<M: MigratorTrait + 'static> Requirement for Database<M> {
    type Settings = DatabaseSettings;
    const SECTION: &'static str = "database";

    async fn connect(settings: DatabaseSettings, platform: &Platform) -> Result<Self> {
        let database = Self::open(&settings, platform.service).await?;
        let connection = database.connection();
        room::report(&connection, platform.service, settings.max_connections).await;
        platform.readiness.require(format!("{}.database", platform.service), move || {
            let connection = connection.clone();
            async move { Ok(connection.ping().await?) }
        });
        Ok(database)
    }

    fn commands() -> Vec<Command> {
        vec![Command::new("migrate", "Bring the database up to date and exit", migrate_and_exit::<M>)]
    }
}

async fn migrate_and_exit<M: MigratorTrait>(invocation: &Invocation) -> Result<()> {
    Database::<M>::open(&invocation.settings()?.section("database")?, invocation.service).await?;
    println!("{}: the database is up to date", invocation.service);
    Ok(())
}
