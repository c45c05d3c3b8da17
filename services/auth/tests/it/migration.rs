//! Migrations of existing rows.

use fenz_auth::Auth;
use fenz_chassis::{Service, media_url::MediaUrls, settings::Sources};
use fenz_database::DatabaseSettings;
use fenz_testkit::Database;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};

use crate::fleet::Fleet;

/// Names the schema of a service with these requirements.
pub trait Schema {
    type Migrator;
}

impl<M> Schema for (fenz_events::Database<M>, MediaUrls) {
    type Migrator = M;
}

pub type Migrator = <<Auth as Service>::Requirements as Schema>::Migrator;

/// The migrations before the column `display_name_key`.
const BEFORE: u32 = 14;

#[tokio::test]
async fn existing_accounts_are_found_by_display_name() {
    fenz_chassis::prepare();
    for database in Database::available() {
        let folder = tempfile::tempdir().unwrap();
        let url = database.create(folder.path(), "auth").await.unwrap();
        let mut sources = Sources::default();
        sources.set(&["database", "url"], &url).unwrap();
        let (settings, _) = sources.service::<Value>("auth").unwrap();
        let settings: DatabaseSettings = settings.section("database").unwrap();
        let db = fenz_database::connect(&settings).await.unwrap();
        Migrator::up(&db, Some(BEFORE)).await.unwrap();
        for id in 1..=1_200 {
            let sql = format!(
                "INSERT INTO users (id, username, username_key, email, email_key, display_name, password_hash, role, \
                 hidden_reasons, version, created_at, updated_at) VALUES ({id}, 'u{id}', 'u{id}', 'u{id}@example.com', \
                 'u{id}@example.com', 'ÄRGER {id}', '', 'user', 0, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
            );
            db.execute_unprepared(&sql).await.unwrap();
        }
        db.close().await.unwrap();
        // Only its process is used.
        let fleet = Fleet::start(Database::Sqlite, &[]).await;
        let auth = fleet.start_on(&url, &[("admin.password", crate::fleet::ADMIN_PASSWORD)]).await;
        let login = json!({"username": "admin", "password": crate::fleet::ADMIN_PASSWORD});
        let client = reqwest::Client::new();
        let reply = client.post(format!("{auth}/api/v1/auth/login")).json(&login).send().await.unwrap();
        let token = reply.json::<Value>().await.unwrap()["accessToken"].as_str().unwrap().to_owned();
        let search = |text: &str| {
            let url = format!("{auth}/api/v1/admin/users?search={text}");
            client.request(Method::GET, url).bearer_auth(&token).send()
        };
        let found: Value = search("%C3%A4rger").await.unwrap().json().await.unwrap();
        assert_eq!(found["total"], "1200", "{database:?}");
        let found: Value = search("%C3%A4rger%201200").await.unwrap().json().await.unwrap();
        assert_eq!(found["users"][0]["id"], "1200", "{database:?}");
    }
}
