//! Transactions and migrations, the same on every database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fenz_chassis::Secret;
use fenz_core::{Error, Reason};
use fenz_database::{DatabaseSettings, DbError, connect, migrate, room, schema, transact};
use fenz_testkit::{Database, eventually};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Accounts), Box::new(TwoAccounts)]
    }
}

struct Accounts;

impl MigrationName for Accounts {
    fn name(&self) -> &'static str {
        "m1_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Accounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm::sea_query::{Alias, ColumnDef, Table};
        let mut table = Table::create();
        table
            .table(Alias::new("accounts"))
            .col(ColumnDef::new(Alias::new("id")).big_integer().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("sum")).big_integer().not_null())
            .col(schema::timestamp(manager, Alias::new("made_at")));
        manager.create_table(table).await
    }
}

struct TwoAccounts;

impl MigrationName for TwoAccounts {
    fn name(&self) -> &'static str {
        "m2_two_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for TwoAccounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Slow enough that others who migrate at the same time would meet it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let sql = "INSERT INTO accounts (id, sum) VALUES (1, 0), (2, 0)";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}

pub async fn databases() -> Vec<(Database, DatabaseSettings, tempfile::TempDir)> {
    let mut all = Vec::new();
    for kind in Database::available() {
        let folder = tempfile::tempdir().unwrap();
        let url = kind.create(folder.path(), "chassis").await.unwrap();
        let settings = DatabaseSettings { url: Secret::from(url), max_connections: 12, ..Default::default() };
        all.push((kind, settings, folder));
    }
    all
}

async fn add(db: &impl ConnectionTrait, id: i64, amount: i64) -> Result<(), DbError> {
    let sql = format!("UPDATE accounts SET sum = sum + {amount} WHERE id = {id}");
    db.execute_unprepared(&sql).await?;
    Ok(())
}

async fn sum(db: &DatabaseConnection, id: i64) -> i64 {
    let sql = format!("SELECT sum FROM accounts WHERE id = {id}");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    row.try_get("", "sum").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_stored_whole_or_not_at_all() {
    for (kind, settings, _folder) in databases().await {
        let db = connect(&settings).await.unwrap();
        migrate::<Migrator>(&db, "chassis").await.unwrap();
        transact(&db, |txn| async move { Ok(add(&*txn, 1, 5).await?) }).await.unwrap();
        let refused = transact(&db, |txn| async move {
            add(&*txn, 1, 5).await?;
            Err::<(), _>(Error::new(Reason::PermissionDenied, "no"))
        });
        assert_eq!(refused.await.unwrap_err().reason, Reason::PermissionDenied);
        assert_eq!(sum(&db, 1).await, 5, "{kind:?}");
    }
}

/// Transactions that take two rows in opposite orders deadlock; the loser is
/// repeated and none is lost.
#[tokio::test(flavor = "multi_thread")]
async fn losers_of_a_race_try_again() {
    for (kind, settings, _folder) in databases().await {
        let db = connect(&settings).await.unwrap();
        migrate::<Migrator>(&db, "chassis").await.unwrap();
        let moves = (0..8).map(|i| {
            let db = db.clone();
            tokio::spawn(async move {
                let (first, second) = if i % 2 == 0 { (1, 2) } else { (2, 1) };
                transact(&db, |txn| async move {
                    add(&*txn, first, 1).await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok(add(&*txn, second, 1).await?)
                })
                .await
            })
        });
        for done in futures::future::join_all(moves).await {
            done.unwrap().unwrap_or_else(|e| panic!("{kind:?}: {e:?}"));
        }
        assert_eq!((sum(&db, 1).await, sum(&db, 2).await), (8, 8), "{kind:?}");
    }
}

/// Callers that go away at any point, as clients do, leave no transaction open
/// on a connection that others get next, and nothing stored of which nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_leaves_nothing_open() {
    for (kind, settings, _folder) in databases().await {
        let db = connect(&DatabaseSettings { max_connections: 1, ..settings.clone() }).await.unwrap();
        migrate_by(&settings).await;
        let elsewhere = connect(&settings).await.unwrap();
        let told = Arc::new(AtomicI64::new(0));
        for n in 1..=200_u64 {
            let work = transact(&db, |txn| {
                let told = told.clone();
                async move {
                    txn.after_commit(move || {
                        told.fetch_add(1, Ordering::Relaxed);
                    });
                    Ok(add(&*txn, 1, 1).await?)
                }
            });
            tokio::time::timeout(Duration::from_micros(n * 10), work).await.ok();
            add(&db, 2, 1).await.unwrap();
            assert_eq!(sum(&elsewhere, 2).await, n as i64, "{kind:?}: kept back by a transaction");
        }
        eventually(async || sum(&elsewhere, 1).await == told.load(Ordering::Relaxed)).await;
    }
}

async fn migrate_by(settings: &DatabaseSettings) {
    // Migrating takes two connections.
    migrate::<Migrator>(&connect(settings).await.unwrap(), "chassis").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_migrate_once() {
    for (kind, settings, _folder) in databases().await {
        if kind == Database::Sqlite {
            continue; // one process has the file
        }
        let replicas = (0..4).map(|_| {
            let settings = settings.clone();
            tokio::spawn(async move {
                let db = connect(&settings).await?;
                migrate::<Migrator>(&db, "chassis").await
            })
        });
        for done in futures::future::join_all(replicas).await {
            done.unwrap().unwrap_or_else(|e| panic!("{kind:?}: {e:#}"));
        }
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_without_its_password() {
    let url = Secret::from("postgres://someone:hidden@127.0.0.1:1/nothing");
    let settings = DatabaseSettings { url, acquire_timeout: Duration::from_secs(1), ..Default::default() };
    let error = format!("{:#}", connect(&settings).await.unwrap_err());
    assert!(error.contains("127.0.0.1:1/nothing") && error.contains("FENZ_DATABASE__URL"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_lost_is_not_our_fault() {
    for (kind, settings, _folder) in databases().await {
        let (id, kill) = match kind {
            Database::Sqlite => continue, // a file goes nowhere
            Database::Postgres => ("SELECT pg_backend_pid()::bigint AS id", "SELECT pg_terminate_backend({})"),
            Database::MariaDb => ("SELECT CAST(CONNECTION_ID() AS SIGNED) AS id", "KILL {}"),
        };
        let (db, elsewhere) = (connect(&settings).await.unwrap(), connect(&settings).await.unwrap());
        let txn = db.begin().await.unwrap();
        let row = txn.query_one_raw(Statement::from_string(db.get_database_backend(), id)).await.unwrap().unwrap();
        let id: i64 = row.try_get("", "id").unwrap();
        elsewhere.execute_unprepared(&kill.replace("{}", &id.to_string())).await.unwrap();
        let lost = txn.execute_unprepared("SELECT 1").await.unwrap_err();
        assert_eq!(Error::from(DbError::from(lost)).reason, Reason::Unavailable, "{kind:?}");
    }
}

#[tokio::test]
async fn who_waited_too_long_for_a_lock_tries_again() {
    for (kind, settings, _folder) in databases().await {
        if kind != Database::MariaDb {
            continue; // the others wait as long as it takes, or see a deadlock
        }
        let db = connect(&settings).await.unwrap();
        migrate::<Migrator>(&db, "chassis").await.unwrap();
        let holder = db.begin().await.unwrap();
        add(&holder, 1, 1).await.unwrap();
        let waiting = transact(&db, |txn| async move {
            txn.execute_unprepared("SET SESSION innodb_lock_wait_timeout = 1").await.map_err(DbError::from)?;
            Ok(add(&*txn, 1, 1).await?)
        });
        let letting_go = async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            holder.commit().await.unwrap();
        };
        let (waited, ()) = tokio::join!(waiting, letting_go);
        waited.unwrap();
        assert_eq!(sum(&db, 1).await, 2);
    }
}

/// What a start says about the server's connections.
#[tokio::test]
async fn the_connections_of_a_server_are_counted() {
    for (kind, settings, _folder) in databases().await {
        let db = connect(&settings).await.unwrap();
        let before = room(&db).await.unwrap();
        assert_eq!(before.is_none(), kind == Database::Sqlite);
        let Some(before) = before else { continue };
        assert!(before.limit >= 50 && (1..=before.limit).contains(&before.open), "{kind:?}: {before:?}");
        // Other tests come and go; these twenty do not.
        let mut others = Vec::new();
        for _ in 0..20 {
            let other = connect(&DatabaseSettings { max_connections: 1, ..settings.clone() }).await.unwrap();
            other.ping().await.unwrap();
            others.push(other);
        }
        assert!(room(&db).await.unwrap().unwrap().open > 20, "{kind:?}");
    }
}
