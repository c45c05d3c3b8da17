//! Migrations of existing rows.

use std::path::Path;

use fenz_auth::Auth;
use fenz_chassis::{Service, media_url::MediaUrls, settings::Sources};
use fenz_database::DatabaseSettings;
use fenz_testkit::{Client, Database, Sandbox};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use sea_orm_migration::MigratorTrait;
use serde_json::Value;

use crate::fleet::ADMIN_PASSWORD;

/// Names the schema of a service with these requirements.
pub trait Schema {
    type Migrator;
}

impl<M> Schema for (fenz_events::Database<M>, MediaUrls) {
    type Migrator = M;
}

pub type Migrator = <<Auth as Service>::Requirements as Schema>::Migrator;

/// An empty database after so many migrations.
async fn migrated(database: Database, folder: &Path, migrations: u32) -> (DatabaseConnection, String) {
    let url = database.create(folder, "auth").await.unwrap();
    let mut sources = Sources::default();
    sources.set(&["database", "url"], &url).unwrap();
    let (settings, _) = sources.service::<Value>("auth").unwrap();
    let settings: DatabaseSettings = settings.section("database").unwrap();
    let db = fenz_database::connect(&settings).await.unwrap();
    Migrator::up(&db, Some(migrations)).await.unwrap();
    (db, url)
}

/// Sessions that ended shortly before an update stay ended at the gateway.
#[tokio::test]
async fn ended_sessions_get_numbers() {
    fenz_chassis::prepare();
    for database in Database::available() {
        let folder = tempfile::tempdir().unwrap();
        let (db, _) = migrated(database, folder.path(), 25).await;
        for (id, ended) in [("open", "NULL"), ("second", "'2026-01-02 00:00:00'"), ("first", "'2026-01-01 00:00:00'")] {
            let sql = format!(
                "INSERT INTO sessions (id, user_id, device, address, created_at, last_used_at, expires_at, ended_at) \
                 VALUES ('{id}', 1, '', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', {ended})"
            );
            db.execute_unprepared(&sql).await.unwrap();
        }
        let deleted = "INSERT INTO ended_sessions (id, ended_at) VALUES ('deleted', '2026-01-03 00:00:00')";
        db.execute_unprepared(deleted).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        let query = |sql: &str| Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(query("SELECT session_id AS id FROM session_ends ORDER BY seq")).await.unwrap();
        let ids: Vec<String> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
        assert_eq!(ids, ["first", "second", "deleted"], "{database:?}");
        assert_eq!(fenz_database::sequence::next_in_txn(&db).await.unwrap(), 4, "{database:?}");
    }
}

/// The migrations before the column `display_name_key`.
const BEFORE: u32 = 14;

#[tokio::test]
async fn existing_accounts_are_found_by_display_name() {
    fenz_chassis::prepare();
    for database in Database::available() {
        let folder = tempfile::tempdir().unwrap();
        let (db, url) = migrated(database, folder.path(), BEFORE).await;
        for id in 1..=1_200 {
            let sql = format!(
                "INSERT INTO users (id, username, username_key, email, email_key, display_name, password_hash, role, \
                 hidden_reasons, version, created_at, updated_at) VALUES ({id}, 'u{id}', 'u{id}', 'u{id}@example.com', \
                 'u{id}@example.com', 'ÄRGER {id}', '', 'user', 0, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
            );
            db.execute_unprepared(&sql).await.unwrap();
        }
        db.close().await.unwrap();
        let mut sandbox = Sandbox::new(database).await.unwrap();
        sandbox.set("auth.database.url", &url).unwrap();
        sandbox.set("auth.admin.password", ADMIN_PASSWORD).unwrap();
        let client = Client::new(sandbox.start_replica::<Auth>().await.unwrap());
        let admin = client.signed_in(&client.login("admin", ADMIN_PASSWORD).await);
        let search = async |text: &str| admin.get(&format!("admin/users?search={text}")).await;
        assert_eq!(search("%C3%A4rger").await.text("total"), "1200", "{database:?}");
        assert_eq!(search("%C3%A4rger%201200").await.ok("users")[0]["id"], "1200", "{database:?}");
    }
}
