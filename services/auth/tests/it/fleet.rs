//! An auth service for one test, and a REST client for it.

use std::time::Duration;

use fenz_auth::Auth;
use fenz_chassis::settings::Sources;
use fenz_events::MailboxRegistry;
use fenz_testkit::{Database, Sandbox};
use reqwest::{Method, StatusCode};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::event_recorder::{EventRecorder, RecordingService};

pub const PASSWORD: &str = "correct horse battery";
pub const ADMIN_PASSWORD: &str = "staple of the administrator";

pub struct Fleet {
    pub sandbox: Sandbox,
    http: reqwest::Client,
    url: String,
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The reason of an error.
    pub fn reason(&self) -> &str {
        self.body["details"][0]["reason"].as_str().unwrap_or_default()
    }

    /// The field that an error is about.
    pub fn field(&self) -> &str {
        self.body["details"][1]["fieldViolations"][0]["field"].as_str().unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    pub fn etag(&self) -> &str {
        self.headers.get("etag").and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// Asserts the status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Asserts an error.
    #[track_caller]
    pub fn refuses(self, status: u16, reason: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.reason()), (status, reason), "{self:?}");
        self
    }
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

    /// Starts auth, and a service that records its events.
    pub async fn with_events(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut fleet = Self::start(database, settings).await;
        fleet.sandbox.start::<RecordingService>().await.unwrap();
        fleet.sandbox.process.shared.get::<MailboxRegistry>().open();
        fleet
    }

    /// The recorded events.
    pub fn events(&self) -> EventRecorder {
        self.sandbox.process.shared.get()
    }

    /// A fleet whose auth is running.
    pub fn of(sandbox: Sandbox) -> Self {
        Self { url: sandbox.url("auth"), sandbox, http: reqwest::Client::new() }
    }

    /// A request with headers; null is no body.
    pub async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, &format!("/api/v1/{path}"), &[], &body).await
    }

    /// A request with an access token.
    pub async fn as_user(&self, token: &str, method: Method, path: &str, body: Value) -> Reply {
        let bearer = format!("Bearer {token}");
        self.call(method, &format!("/api/v1/{path}"), &[("authorization", &bearer)], &body).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Reply {
        self.as_user(token, Method::GET, path, Value::Null).await
    }

    /// Registers a user with [`PASSWORD`].
    pub async fn register(&self, name: &str) -> Reply {
        let email = format!("{name}@example.com");
        self.post("auth/register", json!({"username": name, "email": email, "password": PASSWORD})).await
    }

    /// Registers a user; returns their access token.
    pub async fn token_of(&self, name: &str) -> String {
        self.register(name).await.is(200).text("accessToken").to_owned()
    }

    pub async fn login(&self, name: &str, password: &str) -> Reply {
        self.post("auth/login", json!({"username": name, "password": password})).await
    }

    /// A login with the client address that the gateway forwards.
    pub async fn login_from(&self, address: &str, name: &str, password: &str) -> Reply {
        let body = json!({"username": name, "password": password});
        self.call(Method::POST, "/api/v1/auth/login", &[("x-fenz-client-address", address)], &body).await
    }

    pub async fn admin_token(&self) -> String {
        self.login("admin", ADMIN_PASSWORD).await.is(200).text("accessToken").to_owned()
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.post("auth/refresh", json!({"refreshToken": token})).await
    }

    /// Creates an account of a role; returns its id, access and refresh token.
    pub async fn account(&self, admin: &str, name: &str, role: &str) -> (String, String, String) {
        let body =
            json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "role": role});
        let made = self.as_user(admin, Method::POST, "admin/users", body).await.is(200);
        let opened = self.login(name, PASSWORD).await.is(200);
        let text = |reply: &Reply, name: &str| reply.text(name).to_owned();
        let id = made.body["user"]["id"].as_str().unwrap().to_owned();
        (id, text(&opened, "accessToken"), text(&opened, "refreshToken"))
    }

    pub async fn db(&self) -> DatabaseConnection {
        sea_orm::Database::connect(self.sandbox.database_url("auth").unwrap()).await.unwrap()
    }

    /// The number of rows of a table.
    pub async fn count(&self, table: &str) -> u64 {
        let db = self.db().await;
        // As text: the databases differ in the type of a count.
        let sql = format!("SELECT CAST(COUNT(*) AS CHAR(20)) AS n FROM {table}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        row.try_get::<String>("", "n").unwrap().trim().parse().unwrap()
    }

    /// Waits until a table has this number of rows.
    pub async fn wait_for_count(&self, table: &str, rows: u64) {
        for _ in 0..200 {
            if self.count(table).await == rows {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.count(table).await, rows, "{table}");
    }

    /// Starts another auth on the same database and clock; returns its URL.
    pub async fn start_again(&self, settings: &[(&str, &str)]) -> String {
        self.start_on(&self.sandbox.database_url("auth").unwrap(), settings).await
    }

    /// Starts another auth on another database and the same clock; returns its URL.
    pub async fn start_on(&self, database: &str, settings: &[(&str, &str)]) -> String {
        let mut sources = Sources::default();
        sources.set(&["database", "url"], database).unwrap();
        sources.set(&["database", "max_connections"], "4").unwrap();
        sources.set(&["media_url", "keys"], "t1=a-secret-of-the-test").unwrap();
        for (key, value) in settings {
            sources.set(&[&["auth"], &key.split('.').collect::<Vec<_>>()[..]].concat(), value).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let launched = fenz_chassis::start::<Auth>(&sources, &self.sandbox.process, listener).await.unwrap();
        format!("http://{}", launched.address)
    }

    /// Changes rows directly, as an import or an operator would.
    pub async fn sql(&self, statement: &str) {
        self.db().await.execute_unprepared(statement).await.unwrap();
    }
}

/// Runs a test on every database, each with a separate service.
pub async fn on_every_database(settings: &[(&str, &str)], test: impl AsyncFn(Fleet)) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Fleet::start(database, settings).await).await;
    }
}

/// As [`on_every_database`], with a service that records auth's events.
pub async fn on_every_database_with_events(settings: &[(&str, &str)], test: impl AsyncFn(Fleet)) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Fleet::with_events(database, settings).await).await;
    }
}

/// The claims of a token.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
