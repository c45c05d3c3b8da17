//! A sandbox with content and media, and a client of both.

use std::{process::Command, sync::OnceLock, time::Duration};

use chrono::{DateTime, Utc};
use fenz_content::Content;
use fenz_core::Role;
use fenz_events::{Event, MailboxRegistry};
use fenz_media::MediaService;
use fenz_testkit::{Database, Sandbox};
use reqwest::{
    Client, Method, RequestBuilder,
    header::HeaderMap,
    multipart::{Form, Part},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, sea_query::Query};
use serde_json::{Value, json};

use crate::stub_service::{ReceivedEvents, StubService};

pub const OWNER: i64 = 7;
pub const OTHER: i64 = 8;
pub const STAFF: i64 = 9;
pub const COOLDOWN: Duration = Duration::from_secs(600);

/// A PNG of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// A video of one second.
fn mp4() -> &'static [u8] {
    static MP4: OnceLock<Vec<u8>> = OnceLock::new();
    MP4.get_or_init(|| {
        let source = "testsrc=duration=1:size=160x120:rate=5";
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-f", "mp4"])
            .args(["-movflags", "frag_keyframe+empty_moov", "-"])
            .output()
            .expect("ffmpeg is installed by `make test`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    })
}

pub struct Fleet {
    pub sandbox: Sandbox,
    /// Events that the stub service has received.
    pub received: ReceivedEvents,
    client: Client,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn reason(&self) -> &str {
        self.detail("ErrorInfo")["reason"].as_str().unwrap_or_default()
    }

    /// An error detail by the last segment of its type.
    pub fn detail(&self, kind: &str) -> &Value {
        let details = self.body["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_kind = |d: &&Value| d["@type"].as_str().is_some_and(|t| t.ends_with(&format!(".{kind}")));
        details.iter().find(of_kind).unwrap_or(&Value::Null)
    }

    /// The first field that an error names.
    pub fn field(&self) -> &str {
        self.detail("BadRequest")["fieldViolations"][0]["field"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn assert_error(&self, status: u16, reason: &str) -> &Self {
        assert_eq!((self.status, self.reason()), (status, reason), "{}", self.body);
        self
    }

    #[track_caller]
    pub fn video(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["video"].clone()
    }
}

pub fn id(of: &Value) -> i64 {
    of["id"].as_str().expect("int64 is a string in JSON").parse().expect("an id")
}

impl Fleet {
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        for (key, value) in settings {
            sandbox.set(key, value).expect("a key");
        }
        sandbox.start_auth_stand_in().await.expect("auth");
        sandbox.start::<MediaService>().await.expect("media");
        sandbox.start::<Content>().await.expect("content");
        Self::over(sandbox)
    }

    /// With a sandbox in which the test has started services.
    pub fn over(sandbox: Sandbox) -> Self {
        let received = sandbox.process.shared.get();
        Self { sandbox, received, client: Client::new() }
    }

    /// With a stub service that publishes and consumes events.
    pub async fn start_with_stub(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut fleet = Self::start_with(database, settings).await;
        fleet.sandbox.start::<StubService>().await.expect("a stub service");
        fleet.sandbox.process.shared.get::<MailboxRegistry>().open();
        fleet
    }

    /// Publishes an event as another service.
    pub async fn emit<E: Event + Clone + Send + Sync>(&self, event: E) {
        self.received.emit(event).await;
    }

    pub async fn moderate(&self, video: i64, what: &str, body: &Value) -> Reply {
        let path = format!("admin/videos/{video}/{what}");
        send(self.request_as(Method::PUT, &path, STAFF, Role::Moderator).json(body)).await
    }

    pub async fn get_as_staff(&self, path: &str) -> Reply {
        send(self.request_as(Method::GET, path, STAFF, Role::Moderator)).await
    }

    /// The ids of the public videos.
    pub async fn public(&self) -> Vec<i64> {
        let reply = self.get("videos", 0).await;
        let ids: Vec<i64> = reply.body["videos"].as_array().expect("videos").iter().map(id).collect();
        assert_eq!(reply.body["total"], ids.len().to_string());
        ids
    }

    /// Advances to a minute past the hour, so that a test does not span two.
    pub fn advance_to_next_hour(&self) {
        let clock = &self.sandbox.process.clock;
        clock.advance(Duration::from_secs(3660 - (clock.unix() % 3600) as u64));
    }

    /// A request to content. User 0 is anonymous.
    pub fn request(&self, method: Method, path: &str, user: i64) -> RequestBuilder {
        self.request_as(method, path, user, Role::User)
    }

    pub fn request_as(&self, method: Method, path: &str, user: i64, role: Role) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1/{path}", self.sandbox.url("content")));
        if user == 0 { request } else { request.bearer_auth(self.sandbox.token(user, role)) }
    }

    pub async fn get(&self, path: &str, user: i64) -> Reply {
        send(self.request(Method::GET, path, user)).await
    }

    pub async fn post(&self, body: &Value, user: i64) -> Reply {
        send(self.request(Method::POST, "videos", user).json(body)).await
    }

    pub async fn put(&self, video: i64, body: &Value, user: i64) -> Reply {
        send(self.request(Method::PUT, &format!("videos/{video}"), user).json(body)).await
    }

    pub async fn publish(&self, video: i64, published: bool, user: i64) -> Reply {
        let path = format!("videos/{video}/publish");
        send(self.request(Method::PATCH, &path, user).json(&json!({"published": published}))).await
    }

    pub async fn delete(&self, video: i64, user: i64) -> Reply {
        send(self.request(Method::DELETE, &format!("videos/{video}"), user)).await
    }

    pub async fn upload_video(&self, user: i64) -> i64 {
        self.upload("video", mp4(), user).await
    }

    pub async fn upload_thumbnail(&self, user: i64) -> i64 {
        self.upload("thumbnail", PNG, user).await
    }

    async fn upload(&self, kind: &str, bytes: &'static [u8], user: i64) -> i64 {
        let form = Form::new().part("file", Part::bytes(bytes).file_name("file"));
        let url = format!("{}/api/v1/upload/{kind}", self.sandbox.url("media"));
        let token = self.sandbox.token(user, Role::User);
        let reply = send(self.client.post(url).bearer_auth(token).multipart(form)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        id(&reply.body["upload"])
    }

    /// Creates a published video of the owner, with overrides of its fields.
    pub async fn video(&self, fields: Value) -> i64 {
        let mut body =
            json!({"title": "片 🎬", "videoUploadId": self.upload_video(OWNER).await.to_string(), "publish": true});
        for (key, value) in fields.as_object().expect("an object") {
            body[key] = value.clone();
        }
        id(&self.post(&body, OWNER).await.video())
    }

    /// The status of media's response for a path.
    pub async fn media(&self, path: &Value) -> u16 {
        let path = path.as_str().expect("a path");
        let reply = self.client.get(format!("{}{path}", self.sandbox.url("media"))).send().await;
        reply.expect("an answer").status().as_u16()
    }

    /// Waits until media answers 404 for a path.
    pub async fn file_deleted(&self, path: &Value) {
        for _ in 0..100 {
            if self.media(path).await == 404 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the file still exists");
    }

    /// Content's own database.
    pub async fn database(&self) -> DatabaseConnection {
        let url = self.sandbox.database_url("content").expect("content runs");
        sea_orm::Database::connect(url).await.expect("a connection")
    }

    pub async fn execute(&self, sql: &str) {
        let db = self.database().await;
        db.execute_unprepared(sql).await.expect("the statement works");
        db.close().await.expect("closed");
    }

    /// Inserts a pending call, as left by a crashed process.
    pub async fn insert_pending_call(&self, call: (i64, i64, i64, bool, bool), due_at: DateTime<Utc>) {
        let (id, video, upload, is_intent, keep_files) = call;
        let columns = ["id", "video_id", "upload_id", "is_intent", "keep_files", "attempts", "due_at"];
        let row =
            [id.into(), video.into(), upload.into(), is_intent.into(), keep_files.into(), 0.into(), due_at.into()];
        let insert = Query::insert().into_table("pending_calls").columns(columns).values_panic(row).to_owned();
        let db = self.database().await;
        db.execute(&insert).await.expect("a row");
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

    /// Waits until there are no pending calls.
    pub async fn pending_calls_done(&self) {
        for _ in 0..200 {
            if self.count("pending_calls").await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("pending calls are left");
    }
}

/// Waits until the condition holds.
#[track_caller]
pub fn eventually(holds: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        for _ in 0..400 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("timed out: {place}");
    }
}

pub async fn send(request: RequestBuilder) -> Reply {
    let reply = request.send().await.expect("an answer");
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    let text = reply.text().await.expect("a body");
    Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}
