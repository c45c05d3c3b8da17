//! A media service per test, and its clients.

use std::{path::Path, time::Duration};

use fenz_chassis::{
    Secret,
    media_url::{Audience, MediaUrlSettings, MediaUrls},
    peers::PeerChannel,
};
use fenz_contract::media::v1::{
    ClaimUploadRequest, ClaimUploadResponse, ReleaseClaimRequest, upload_service_client::UploadServiceClient,
};
use fenz_core::Role;
use fenz_events::{Event, MailboxRegistry};
use fenz_media::MediaService;
use fenz_testkit::{Database, Sandbox};
use reqwest::{
    Response, StatusCode,
    multipart::{Form, Part},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::Value;

use crate::stub_service::{CapturedEvents, StubService};

pub const ALICE: i64 = 7;
pub const BOB: i64 = 8;
pub const VIDEO: &str = "/api/v1/upload/video";
pub const THUMBNAIL: &str = "/api/v1/upload/thumbnail";

pub struct Media {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    pub captured: CapturedEvents,
    db: DatabaseConnection,
}

/// Runs a test on every available database.
pub async fn on_each<F: Future<Output = ()>>(settings: &[(&str, &str)], test: impl Fn(Media) -> F) {
    for database in Database::available() {
        println!("on {database:?}");
        test(Media::start(database, settings).await).await;
    }
}

/// Runs a test on SQLite that moves its captures.
pub async fn on_sqlite<F: Future<Output = ()>>(settings: &[(&str, &str)], test: impl FnOnce(Media) -> F) {
    test(Media::start(Database::Sqlite, settings).await).await;
}

impl Media {
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        sandbox.set("media.sweep_every", "100ms").unwrap();
        for (key, value) in settings {
            sandbox.set(key, value).unwrap();
        }
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<MediaService>().await.unwrap();
        sandbox.start::<StubService>().await.unwrap();
        sandbox.process.shared.get::<MailboxRegistry>().open();
        let captured = sandbox.process.shared.get();
        let db = sea_orm::Database::connect(sandbox.database_url("media").unwrap()).await.unwrap();
        let media = Self { sandbox, http: reqwest::Client::new(), captured, db };
        eventually("auth's keys are loaded", async || media.sandbox.process.readiness.problems().await.is_empty())
            .await;
        media
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url("media"))
    }

    pub fn token(&self, user: i64) -> String {
        self.sandbox.token(user, Role::User)
    }

    /// Sends a form.
    pub async fn send(&self, user: i64, path: &str, form: Form) -> Reply {
        let request = self.http.post(self.url(path)).bearer_auth(self.token(user)).multipart(form);
        Reply::of(request.send().await.unwrap()).await
    }

    /// Sends a file with a `Content-Length`.
    pub async fn upload(&self, user: i64, path: &str, bytes: &[u8]) -> Reply {
        let part = Part::bytes(bytes.to_vec()).file_name("a file.mp4");
        self.send(user, path, Form::new().part("file", part)).await
    }

    /// Uploads a valid file and returns its id.
    pub async fn uploaded(&self, user: i64, path: &str, bytes: &[u8]) -> i64 {
        let reply = self.upload(user, path, bytes).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
        reply.id()
    }

    /// Publishes an event twice: delivery is at least once.
    pub async fn publish<E: Event + Clone + Send + Sync>(&self, event: E) {
        self.captured.publish(event.clone()).await;
        self.captured.publish(event).await;
    }

    /// Waits until media has consumed all events.
    pub async fn events_consumed(&self) {
        let waiting = "SELECT COUNT(*) AS n FROM mailbox WHERE consumer = 'media'";
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            eventually("all events are consumed", async || self.number(waiting).await == 0).await;
        }
    }

    /// A signed path, valid for so many seconds.
    pub fn signed(&self, id: i64, seconds: i64) -> String {
        self.signed_for(Audience::Everyone, id, seconds)
    }

    pub fn signed_for(&self, audience: Audience, id: i64, seconds: i64) -> String {
        let keys = Secret::from("t1=a-secret-of-the-sandbox");
        let urls = MediaUrls::new(&MediaUrlSettings { keys }).unwrap();
        urls.sign_for(audience, id, self.sandbox.process.clock.unix() + seconds)
    }

    /// Plays an upload.
    pub async fn play(&self, id: i64, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.get(self.url(&self.signed(id, 60)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// The status for an address signed for the owner.
    pub async fn play_as_insider(&self, id: i64) -> u16 {
        let path = self.signed_for(Audience::Insider, id, 60);
        self.http.get(self.url(&path)).send().await.unwrap().status().as_u16()
    }

    /// The result for a public address: 200, or an error's status and reason.
    pub async fn play_publicly(&self, id: i64) -> (u16, String) {
        let reply = self.play(id, &[]).await;
        if reply.status() == StatusCode::OK {
            return (200, String::new());
        }
        let reply = Reply::of(reply).await;
        let (status, reason) = reply.refusal();
        (status, reason.to_owned())
    }

    pub fn rpc(&self) -> UploadServiceClient<PeerChannel> {
        UploadServiceClient::new(self.sandbox.peer("content", "media").unwrap())
    }

    pub async fn claim(&self, id: i64, owner: i64, kind: &str, claim: &str) -> Result<ClaimUploadResponse, String> {
        let request =
            ClaimUploadRequest { upload_id: id, owner_id: owner, kind: kind.to_owned(), claim: claim.to_owned() };
        self.rpc().claim_upload(request).await.map(tonic::Response::into_inner).map_err(|s| reason(&s))
    }

    pub async fn release(&self, claim: &str, upload_id: i64, keep_files: bool) {
        let request = ReleaseClaimRequest { claim: claim.to_owned(), upload_id, keep_files };
        self.rpc().release_claim(request).await.unwrap();
    }

    /// The number of uploads in any state.
    pub async fn rows(&self) -> i64 {
        self.number("SELECT COUNT(*) AS n FROM uploads").await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.db.get_database_backend(), sql);
        self.db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        self.db.execute_unprepared(sql).await.unwrap();
    }

    /// The files in the object store's folder, parts and metadata included.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(&self.sandbox.objects(), &mut files);
        files.sort();
        files
    }

    /// Waits until the database and the object store are empty.
    pub async fn all_deleted(&self) {
        eventually("no rows", async || self.rows().await == 0).await;
        eventually("no files", async || self.files().is_empty()).await;
    }
}

fn list(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path.display().to_string());
        }
    }
}

/// The reason of a gRPC status.
fn reason(status: &tonic::Status) -> String {
    use tonic_types::StatusExt;
    status.get_error_details().error_info().map_or_else(|| format!("{status:?}"), |info| info.reason.clone())
}

pub async fn eventually(what: &str, check: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not true after 10 s: {what}");
}

/// A JSON response.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub json: Value,
}

impl Reply {
    pub async fn of(response: Response) -> Self {
        let status = response.status();
        Self { status, json: response.json().await.unwrap() }
    }

    pub fn id(&self) -> i64 {
        self.json["upload"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// An error's status and reason.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["details"][0]["reason"].as_str().unwrap_or_default())
    }

    pub fn violations(&self) -> Vec<&str> {
        let details = self.json["details"].as_array().into_iter().flatten();
        details
            .flat_map(|d| d["fieldViolations"].as_array().into_iter().flatten())
            .map(|v| v["field"].as_str().unwrap())
            .collect()
    }
}
