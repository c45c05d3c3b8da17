//! A service that publishes and one that consumes, in any number of replicas.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use fenz_chassis::{
    Endpoints, Platform, Process, Service, Settings, Shared,
    settings::{BusSettings, Sources},
};
use fenz_contract::events::v1::UserRegistered;
use fenz_core::{Clock, Random, Result};
use fenz_database::{DbError, Txn};
use fenz_events::{Consumer, Envelope, Event, HandlerError, MailboxRegistry, Outbox, ReceivedEvent};
use fenz_testkit::Database;
use futures::{FutureExt, future::join_all};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use sea_orm_migration::prelude::*;

/// The services' schema: what the publisher writes, what the subscriber's handler
/// inserts. The effects have no key, so that duplicates are visible.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Numbers("writes")), Box::new(Numbers("effects"))]
    }
}

struct Numbers(&'static str);

impl MigrationName for Numbers {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Numbers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let n = ColumnDef::new("n").big_integer().not_null().to_owned();
        manager.create_table(Table::create().table(self.0).col(n).to_owned()).await
    }
}

type Config = std::collections::BTreeMap<String, String>;

macro_rules! service {
    ($service:ident, $name:literal) => {
        pub struct $service;

        impl Service for $service {
            const NAME: &'static str = $name;
            const PORT: u16 = 0;
            type Config = Config;
            type Requirements = (fenz_events::Database<Migrator>,);

            async fn build(_: Platform, _: Self::Requirements, _: Config) -> anyhow::Result<Endpoints> {
                Ok(Endpoints::default())
            }
        }
    };
}

service!(Publisher, "auth");
service!(Subscriber, "channel");
service!(Measured, "measured");

/// How events are transported.
#[derive(Clone, Debug)]
pub enum Transport {
    Mailbox,
    JetStream(String),
}

/// Every pair of bus and database that this machine offers.
pub fn everywhere() -> Vec<(Database, Transport)> {
    let mut all: Vec<_> = Database::available().into_iter().map(|database| (database, Transport::Mailbox)).collect();
    if let Some(url) = fenz_testkit::Server::Nats.url() {
        all.extend(Database::available().into_iter().map(|database| (database, Transport::JetStream(url.clone()))));
    }
    all
}

/// Runs a test on each pair at the same time.
pub async fn on_each<F: Future<Output = ()>>(test: impl Fn(Fleet) -> F) {
    let mut running = Vec::new();
    for (database, transport) in everywhere() {
        let test = AssertUnwindSafe(test(Fleet::new(database, &transport).await)).catch_unwind();
        running.push(async move { (format!("{database:?} {transport:?}"), test.await) });
    }
    let failed = join_all(running).await.into_iter().filter(|(_, outcome)| outcome.is_err());
    let failed: Vec<_> = failed.map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "failed on {failed:?}");
}

pub struct Fleet {
    pub bus: BusSettings,
    pub clock: Clock,
    shared: Shared,
    pub publisher_url: String,
    pub subscriber_url: String,
    _folder: Option<tempfile::TempDir>,
}

/// One process of a service.
pub struct Replica {
    pub process: Process,
    pub platform: Platform,
    pub db: fenz_events::Database<Migrator>,
}

impl Fleet {
    pub async fn new(database: Database, transport: &Transport) -> Self {
        let fleet = Self::unopened(database, transport).await;
        fleet.open();
        fleet
    }

    /// Events are delivered from now on.
    pub fn open(&self) {
        self.shared.get::<MailboxRegistry>().open();
    }

    pub async fn unopened(database: Database, transport: &Transport) -> Self {
        fenz_chassis::prepare();
        let folder = tempfile::tempdir().unwrap();
        let name = format!("t{:016x}", Random::default().value::<u64>());
        let url = match transport {
            Transport::Mailbox => "",
            Transport::JetStream(url) => url,
        };
        let bus = BusSettings { url: url.into(), stream: name.clone(), prefix: name, ..BusSettings::default() };
        Self {
            bus,
            clock: Clock::default(),
            shared: Shared::default(),
            publisher_url: database.create(folder.path(), "publisher").await.unwrap(),
            subscriber_url: database.create(folder.path(), "subscriber").await.unwrap(),
            _folder: Some(folder),
        }
    }

    /// One that another process has created: the bus's address and its name.
    pub fn existing((url, name): (&str, &str), publisher_url: String, subscriber_url: String) -> Self {
        fenz_chassis::prepare();
        let bus = BusSettings { url: url.into(), stream: name.into(), prefix: name.into(), ..BusSettings::default() };
        let (clock, shared) = (Clock::default(), Shared::default());
        Self { bus, clock, shared, publisher_url, subscriber_url, _folder: None }
    }

    pub fn settings(&self, url: &str) -> Settings {
        let mut sources = Sources::default();
        for (key, value) in [("url", url), ("max_connections", "6"), ("acquire_timeout", "10s")] {
            sources.set(&["database", key], value).unwrap();
        }
        let (mut settings, _) = sources.service::<Config>(Publisher::NAME).unwrap();
        settings.bus = self.bus.clone();
        settings
    }

    pub async fn replica<S>(&self, url: &str) -> Replica
    where
        S: Service<Requirements = (fenz_events::Database<Migrator>,)>,
    {
        let mut process = Process::default();
        process.clock = self.clock.clone();
        process.shared = self.shared.clone();
        let (platform, (db,)) = fenz_chassis::connect::<S>(self.settings(url), &process).await.unwrap();
        Replica { process, platform, db }
    }

    pub async fn publisher(&self) -> (Replica, Outbox) {
        let replica = self.replica::<Publisher>(&self.publisher_url).await;
        let outbox = Outbox::start(&replica.platform, &replica.db).await.unwrap();
        (replica, outbox)
    }

    pub async fn subscriber(&self, consumer: Consumer) -> Replica {
        let replica = self.replica::<Subscriber>(&self.subscriber_url).await;
        consumer.start(&replica.platform, &replica.db).await.unwrap();
        replica
    }

    /// A replica of the subscriber without a consumer.
    pub async fn idle_subscriber(&self) -> Replica {
        self.replica::<Subscriber>(&self.subscriber_url).await
    }

    /// A replica of the publisher that consumes.
    pub async fn consuming_publisher(&self, consumer: Consumer) -> Replica {
        let replica = self.replica::<Publisher>(&self.publisher_url).await;
        consumer.start(&replica.platform, &replica.db).await.unwrap();
        replica
    }

    /// Delivers an event, whether or not it was delivered before.
    pub async fn deliver(&self, envelope: &Envelope) {
        let url = self.bus.url.expose();
        if url.is_empty() {
            let replica = self.replica::<Subscriber>(&self.subscriber_url).await;
            insert_into_mailbox(&replica.db, envelope, self.clock.now()).await;
            return;
        }
        let client = async_nats::connect(url).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in &envelope.headers {
            headers.insert(name.as_str(), value.as_str());
        }
        let subject = format!("{}.{}", self.bus.prefix, envelope.subject);
        let stream = async_nats::jetstream::new(client);
        let payload = envelope.payload.clone().into();
        stream.publish_with_headers(subject, headers, payload).await.unwrap().await.unwrap();
    }
}

/// Into the subscriber's mailbox, unless it is there.
async fn insert_into_mailbox(db: &DatabaseConnection, envelope: &Envelope, now: chrono::DateTime<chrono::Utc>) {
    let insert = Query::insert()
        .into_table("mailbox")
        .columns(["event_id", "consumer", "subject", "payload", "headers", "tries", "available_at"])
        .values_panic([
            envelope.id.as_str().into(),
            Subscriber::NAME.into(),
            envelope.subject.as_str().into(),
            envelope.payload.clone().into(),
            serde_json::to_string(&envelope.headers).unwrap().into(),
            0.into(),
            now.into(),
        ])
        .to_owned();
    if let Err(error) = db.execute(&insert).await.map_err(DbError::from) {
        assert!(error.is_duplicate(), "{error}");
    }
}

impl Replica {
    /// One that only reads.
    pub fn observing((platform, (db,)): (Platform, (fenz_events::Database<Migrator>,))) -> Self {
        Self { process: Process::default(), platform, db }
    }

    /// Ends it as a SIGTERM would.
    pub async fn stop(&self) {
        self.process.stop.cancel();
        self.process.tasks.close();
        self.process.tasks.wait().await;
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

    pub async fn run(&self, sql: &str) {
        self.db.execute_unprepared(sql).await.unwrap();
    }

    /// Waits for this many effects and an empty mailbox.
    pub async fn wait_for(&self, count: usize) {
        eventually(&format!("{count} effects"), async || self.effects().await.len() >= count).await;
        eventually("an empty mailbox", async || self.count("mailbox").await == 0).await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.process.stop.cancel();
    }
}

pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(40);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn event(n: i64) -> UserRegistered {
    UserRegistered { user_id: n, username: format!("user{n}"), version: 1, ..UserRegistered::default() }
}

/// Writes a number and publishes it.
pub async fn write(outbox: &Outbox, n: i64) -> Result<()> {
    outbox
        .transact(|txn| async move {
            insert(&txn, "writes", n).await?;
            outbox.emit(&txn, &event(n)).await
        })
        .await
}

/// Publishes an event in a transaction of its own.
pub async fn publish(outbox: &Outbox, event: &impl Event) -> Result<()> {
    outbox.transact(|txn| async move { outbox.emit(&txn, event).await }).await
}

pub async fn insert(txn: &Txn, table: &str, n: i64) -> Result<(), DbError> {
    txn.execute_unprepared(&format!("INSERT INTO {table} (n) VALUES ({n})")).await?;
    Ok(())
}

/// Inserts an effect for every number.
pub fn recording() -> Consumer {
    Consumer::new().on(|txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserRegistered>| async move {
        Ok(insert(&txn, "effects", event.user_id).await?)
    })
}

/// As [`recording`], then fails where the test returns an error.
pub fn failing(fail: impl Fn(i64) -> Option<HandlerError> + Send + Sync + 'static) -> Consumer {
    let fail = Arc::new(fail);
    Consumer::new().on(move |txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<UserRegistered>| {
        let fail = fail.clone();
        async move {
            // After the effect: it must be rolled back.
            insert(&txn, "effects", event.user_id).await?;
            fail(event.user_id).map_or(Ok(()), Err)
        }
    })
}
