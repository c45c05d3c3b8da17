//! A client over HTTP, and what tests expect of its replies.

use std::{
    panic::Location,
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use fenz_core::Role;
use reqwest::{
    Method, RequestBuilder, Response,
    header::HeaderMap,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::Sandbox;

/// A PNG of one pixel.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// The password of accounts that [`Client::register`] creates.
pub const PASSWORD: &str = "correct horse battery";

/// A connection of HTTP/1.1 ends ten seconds after its last response; a request
/// that is sent in that moment would get no reply.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A pool of connections.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().pool_idle_timeout(IDLE_TIMEOUT).build().expect("a client")
}

/// A caller of one address, with an access token or anonymous.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Scheme, host and port.
    url: String,
    token: Option<String>,
    user: String,
}

impl Client {
    pub fn new(url: impl Into<String>) -> Self {
        Self { http: http(), url: url.into(), token: None, user: String::new() }
    }

    /// The same with an access token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same as the user whom a reply of auth signed in.
    #[must_use]
    #[track_caller]
    pub fn signed_in(&self, reply: &Reply) -> Self {
        let user = reply.body["user"]["id"].as_str().unwrap_or_default().to_owned();
        Self { user, ..self.with_token(reply.text("accessToken")) }
    }

    /// The id of the user that signed in; empty for others.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Registers an account with [`PASSWORD`].
    pub async fn register(&self, username: &str) -> Reply {
        let email = format!("{username}@example.com");
        self.post("auth/register", &json!({"username": username, "email": email, "password": PASSWORD})).await
    }

    pub async fn login(&self, username: &str, password: &str) -> Reply {
        self.post("auth/login", &json!({"username": username, "password": password})).await
    }

    /// A request to a path such as `/api/v1/videos`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request to a path under `/api/v1/`; null is no body.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = self.request(method, &format!("/api/v1/{path}"));
        Reply::of(if body.is_null() { request } else { request.json(body) }).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, body).await
    }

    /// Changes the version that an `ETag` names.
    pub async fn put_if_match(&self, path: &str, version: &str, body: &Value) -> Reply {
        let request = self.request(Method::PUT, &format!("/api/v1/{path}"));
        Reply::of(request.header("if-match", version).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &Value::Null).await
    }

    /// Uploads a file to `/api/v1/upload/<kind>`.
    pub async fn upload(&self, kind: &str, bytes: &[u8]) -> Reply {
        let part = Part::bytes(bytes.to_vec()).file_name("file");
        self.upload_form(kind, Form::new().part("file", part)).await
    }

    /// The same with a form.
    pub async fn upload_form(&self, kind: &str, form: Form) -> Reply {
        Reply::of(self.request(Method::POST, &format!("/api/v1/upload/{kind}")).multipart(form)).await
    }

    /// Uploads a file and waits until it is processed. The upload.
    pub async fn processed_upload(&self, kind: &str, bytes: &[u8]) -> Value {
        let path = format!("uploads/{}", self.upload(kind, bytes).await.id("upload"));
        eventually(async || self.get(&path).await.ok("upload")["status"] != "processing").await;
        self.get(&path).await.ok("upload")
    }

    /// The status of a path, e.g. of a signed one.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn status(&self, path: &str) -> u16 {
        self.request(Method::GET, path).send().await.expect("an answer").status().as_u16()
    }
}

impl Sandbox {
    /// A client of a service, as a user; 0 is anonymous.
    pub fn client(&self, service: &str, user: i64) -> Client {
        self.client_as(service, user, Role::User)
    }

    /// The same with a role.
    pub fn client_as(&self, service: &str, user: i64, role: Role) -> Client {
        let client = Client { http: self.http.clone(), url: self.url(service), token: None, user: String::new() };
        if user == 0 { client } else { client.with_token(self.token(user, role)) }
    }
}

/// A response with its whole body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// The text as a string where it is not JSON.
    pub body: Value,
}

impl Reply {
    /// Sends a request.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::received(request.send().await.expect("an answer")).await
    }

    /// Reads the body of a response.
    ///
    /// # Panics
    /// When it ends early.
    pub async fn received(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Asserts an error.
    #[track_caller]
    pub fn refused(&self, status: u16, reason: &str) -> &Self {
        assert_eq!((self.status, self.reason()), (status, reason), "{}", self.body);
        self
    }

    /// A field of a successful reply.
    #[track_caller]
    pub fn ok(&self, name: &str) -> Value {
        self.expect(200).body[name].clone()
    }

    /// A text of a successful reply.
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        self.expect(200).body[name].as_str().unwrap_or_else(|| panic!("no text {name}: {}", self.body))
    }

    /// The id of the object in a successful reply.
    #[track_caller]
    pub fn id(&self, name: &str) -> i64 {
        id(&self.ok(name))
    }

    /// A 64-bit number of a successful reply, which is a string in JSON.
    #[track_caller]
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_else(|_| panic!("no number {name}: {}", self.body))
    }

    /// The ids of a list of objects in a successful reply.
    #[track_caller]
    pub fn ids(&self, name: &str) -> Vec<i64> {
        self.ok(name).as_array().unwrap_or_else(|| panic!("no list {name}: {}", self.body)).iter().map(id).collect()
    }

    /// The reason of an error; empty where there is none.
    pub fn reason(&self) -> &str {
        self.detail("ErrorInfo")["reason"].as_str().unwrap_or_default()
    }

    /// A detail of an error by the last part of its type; null where there is none.
    pub fn detail(&self, kind: &str) -> &Value {
        let details = self.body["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_kind = |d: &&Value| d["@type"].as_str().is_some_and(|t| t.ends_with(&format!(".{kind}")));
        details.iter().find(is_kind).unwrap_or(&Value::Null)
    }

    /// The fields that an error names.
    pub fn fields(&self) -> Vec<&str> {
        let violations = self.detail("BadRequest")["fieldViolations"].as_array();
        violations.into_iter().flatten().filter_map(|v| v["field"].as_str()).collect()
    }

    /// The first of them; empty where there is none.
    pub fn field(&self) -> &str {
        self.fields().first().copied().unwrap_or_default()
    }

    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// The id of an object in JSON, where it is a string.
#[track_caller]
pub fn id(of: &Value) -> i64 {
    of["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id: {of}"))
}

/// Waits up to 20 seconds until a condition holds.
#[track_caller]
pub fn eventually(condition: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    within(Duration::from_secs(20), condition)
}

/// Waits until a condition holds, at most for a time.
#[track_caller]
pub fn within(limit: Duration, condition: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let begin = Instant::now();
        while !condition().await {
            assert!(begin.elapsed() < limit, "still not true after {limit:?}: {caller}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

/// A video of a second, made once.
///
/// # Panics
/// Without ffmpeg.
pub fn mp4() -> &'static [u8] {
    static MP4: OnceLock<Vec<u8>> = OnceLock::new();
    MP4.get_or_init(|| {
        let source = "testsrc=duration=1:size=160x120:rate=5";
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-f", "mp4"])
            .args(["-movflags", "frag_keyframe+empty_moov", "-"])
            .output()
            .expect("ffmpeg, which scripts/install-tools installs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        made.stdout
    })
}
