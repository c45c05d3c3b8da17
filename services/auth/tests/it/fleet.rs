//! An auth service for one test, and clients of it.

use fenz_auth::Auth;
use fenz_media::MediaService;
use fenz_testkit::{Client, Database, PASSWORD, Reply, Sandbox, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::Events;

pub const ADMIN_PASSWORD: &str = "staple of the administrator";

pub struct Fleet {
    pub sandbox: Sandbox,
    /// Without a token.
    pub client: Client,
    pub events: Events,
}

impl Fleet {
    /// Starts auth with settings such as `("registration", "closed")`.
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        let quick = [("hash.memory_kib", "64"), ("hash.iterations", "1"), ("admin.password", ADMIN_PASSWORD)];
        for (key, value) in quick.iter().chain(settings) {
            sandbox.set(&format!("auth.{key}"), value).unwrap();
        }
        sandbox.start::<Auth>().await.unwrap();
        Self::of(sandbox)
    }

    /// A fleet whose auth is running.
    pub fn of(sandbox: Sandbox) -> Self {
        Self { client: sandbox.client("auth", 0), sandbox, events: Events::default() }
    }

    /// Starts auth, and records its events.
    pub async fn with_events(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut fleet = Self::start(database, settings).await;
        fleet.events = Events::start(&mut fleet.sandbox).await;
        fleet
    }

    /// Starts auth and media, and records the events of both.
    pub async fn with_media(database: Database) -> Self {
        let mut fleet = Self::start(database, &[]).await;
        fleet.sandbox.start::<MediaService>().await.unwrap();
        fleet.events = Events::start(&mut fleet.sandbox).await;
        fleet
    }

    /// Registers a user.
    pub async fn user(&self, name: &str) -> Client {
        self.client.signed_in(&self.client.register(name).await)
    }

    pub async fn admin(&self) -> Client {
        self.client.signed_in(&self.client.login("admin", ADMIN_PASSWORD).await)
    }

    /// A login with the client address that the gateway forwards.
    pub async fn login_from(&self, address: &str, name: &str, password: &str) -> Reply {
        let request = self.client.request(Method::POST, "/api/v1/auth/login").header("x-fenz-client-address", address);
        Reply::of(request.json(&json!({"username": name, "password": password}))).await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.client.post("auth/refresh", &json!({"refreshToken": token})).await
    }

    /// Creates an account of a role; returns its id, client and refresh token.
    pub async fn account(&self, admin: &Client, name: &str, role: &str) -> (String, Client, String) {
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": PASSWORD, "role": role});
        admin.post("admin/users", &body).await.expect(200);
        let login = self.client.login(name, PASSWORD).await;
        let client = self.client.signed_in(&login);
        (client.user().to_owned(), client, login.text("refreshToken").to_owned())
    }

    /// Waits until a table has this number of rows.
    #[track_caller]
    pub fn wait_for_count(&self, table: &str, rows: i64) -> impl Future<Output = ()> {
        eventually(async move || self.sandbox.count("auth", table).await == rows)
    }
}

/// Runs a test on every database, each with a separate service.
pub async fn on_every_database(settings: &[(&str, &str)], test: impl AsyncFn(Fleet)) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Fleet::start(database, settings).await).await;
    }
}

/// As [`on_every_database`], with its events.
pub async fn on_every_database_with_events(settings: &[(&str, &str)], test: impl AsyncFn(Fleet)) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Fleet::with_events(database, settings).await).await;
    }
}

/// As [`on_every_database_with_events`], with media.
pub async fn on_every_database_with_media(test: impl AsyncFn(Fleet)) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Fleet::with_media(database).await).await;
    }
}

/// A part of a token: 0 is the header, 1 are the claims.
pub fn token_part(token: &str, index: usize) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
