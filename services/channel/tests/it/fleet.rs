//! The channel and media services, and a client of both.

use fenz_channel::Channels;
use fenz_contract::events::v1::{
    AuditRecorded, ChannelChanged, ChannelDeleted, MembershipChanged, UserDeleted, UserErased, UserModerated,
    UserRegistered,
};
use fenz_core::Role;
use fenz_events::Event;
use fenz_media::MediaService;
use fenz_testkit::{Database, EventStub, PNG, Reply, Sandbox, eventually};
use reqwest::{Method, RequestBuilder};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};

pub const OWNER: i64 = 7;
pub const OTHER: i64 = 8;

pub struct Fleet {
    pub sandbox: Sandbox,
    pub events: EventStub,
}

impl Fleet {
    /// Registers `OWNER` and `OTHER`, who get their channels.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        for (key, value) in settings {
            sandbox.set(key, value).expect("a key");
        }
        sandbox.start_auth_stand_in().await.expect("auth");
        // Media knows the address of what was started before.
        sandbox.start::<Channels>().await.expect("channel");
        sandbox.start::<MediaService>().await.expect("media");
        let events = EventStub::default()
            .recording::<ChannelChanged>()
            .recording::<ChannelDeleted>()
            .recording::<MembershipChanged>()
            .recording::<UserErased>()
            .recording::<UserModerated>()
            .recording::<AuditRecorded>();
        let events = events.start(&mut sandbox).await;
        let fleet = Self { sandbox, events };
        fleet.register(OWNER, "the owner").await;
        fleet.register(OTHER, "").await;
        fleet
    }

    /// Publishes an event of another service.
    pub async fn publish<E: Event>(&self, event: E) {
        self.events.publish(event).await;
    }

    /// Registers a user and waits for their channel.
    pub async fn register(&self, user_id: i64, display_name: &str) {
        let (username, display_name) = (format!("user{user_id}"), display_name.to_owned());
        self.publish(UserRegistered { user_id, username, display_name, version: 1, ..UserRegistered::default() }).await;
        eventually(async || self.get(&format!("channels/{user_id}"), 0).await.status == 200).await;
    }

    pub async fn delete_user(&self, user_id: i64) {
        let event = UserDeleted { user_id, erasure_id: user_id, version: 100, ..UserDeleted::default() };
        self.publish(event).await;
    }

    pub async fn delete_own(&self, user: i64) -> Reply {
        Reply::of(self.request(Method::DELETE, "user/channel", user)).await
    }

    pub async fn create_own(&self, body: &Value, user: i64) -> Reply {
        Reply::of(self.request(Method::POST, "user/channel", user).json(body)).await
    }

    /// A request as a user; 0 is anonymous.
    pub fn request(&self, method: Method, path: &str, user: i64) -> RequestBuilder {
        self.request_as(method, path, user, Role::User)
    }

    pub fn request_as(&self, method: Method, path: &str, user: i64, role: Role) -> RequestBuilder {
        self.sandbox.client_as("channel", user, role).request(method, &format!("/api/v1/{path}"))
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        Reply::of(self.request(Method::GET, path, user)).await
    }

    pub async fn put(&self, path: &str, body: &Value, user: i64) -> Reply {
        Reply::of(self.request(Method::PUT, path, user).json(body)).await
    }

    pub async fn moderate(&self, channel: i64, action: &str) -> Reply {
        let path = format!("admin/channels/{channel}/{action}");
        Reply::of(self.request_as(Method::PUT, &path, 99, Role::Moderator).json(&json!({}))).await
    }

    pub async fn subscribe(&self, channel: i64, user: i64) -> Reply {
        let path = format!("channels/{channel}/subscribe");
        Reply::of(self.request(Method::POST, &path, user).json(&json!({}))).await
    }

    pub async fn unsubscribe(&self, channel: i64, user: i64) -> Reply {
        Reply::of(self.request(Method::DELETE, &format!("channels/{channel}/subscribe"), user)).await
    }

    pub async fn upload(&self, user: i64) -> String {
        let reply = self.sandbox.client("media", user).upload("image", PNG).await;
        reply.ok("upload")["id"].as_str().expect("int64 is a string in JSON").to_owned()
    }

    /// The status of a media path.
    pub async fn media(&self, path: &Value) -> u16 {
        self.sandbox.client("media", 0).status(path.as_str().expect("a path")).await
    }

    /// The channel service's database.
    pub async fn database(&self) -> DatabaseConnection {
        let url = self.sandbox.database_url("channel").expect("channel runs");
        sea_orm::Database::connect(url).await.expect("a connection")
    }

    pub async fn execute(&self, sql: &str) {
        let db = self.database().await;
        db.execute_unprepared(sql).await.expect("the statement works");
        db.close().await.expect("closed");
    }

    pub async fn count(&self, table: &str) -> i64 {
        let db = self.database().await;
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("a count");
        let n = row.expect("a row").try_get("", "n").expect("a number");
        db.close().await.expect("closed");
        n
    }
}
