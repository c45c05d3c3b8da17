//! A person at the gateway.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use reqwest::{Method, RequestBuilder, Response, multipart};
use serde_json::{Value, json};

use crate::platform::ADMIN_PASSWORD;

pub const PASSWORD: &str = "a long enough secret";

/// Somebody with an access token, or nobody in particular.
#[derive(Clone)]
pub struct Person {
    pub url: String,
    pub token: Option<String>,
    pub refresh_token: String,
    pub id: String,
    pub http: reqwest::Client,
}

impl Person {
    pub fn anonymous(url: &str) -> Self {
        let http = reqwest::Client::builder().pool_max_idle_per_host(4).build().unwrap();
        Self { url: url.to_owned(), token: None, refresh_token: String::new(), id: String::new(), http }
    }

    pub async fn register(url: &str, name: &str) -> Self {
        let body = json!({"username": name, "email": format!("{name}@example.org"), "password": PASSWORD});
        let reply = Self::anonymous(url).ok(Method::POST, "/api/v1/auth/register", body).await;
        Self::signed_in(url, &reply)
    }

    pub async fn login(url: &str, name: &str, password: &str) -> Self {
        let body = json!({"username": name, "password": password});
        let reply = Self::anonymous(url).ok(Method::POST, "/api/v1/auth/login", body).await;
        Self::signed_in(url, &reply)
    }

    /// Signs in as the guest that one was, to keep what the guest picked.
    pub async fn login_from(url: &str, name: &str, session: &str) -> Self {
        let body = json!({"username": name, "password": PASSWORD, "sessionId": session});
        let reply = Self::anonymous(url).ok(Method::POST, "/api/v1/auth/login", body).await;
        Self::signed_in(url, &reply)
    }

    pub async fn administrator(url: &str) -> Self {
        Self::login(url, "root_admin", ADMIN_PASSWORD).await
    }

    fn signed_in(url: &str, reply: &Value) -> Self {
        let text = |v: &Value| v.as_str().expect("text").to_owned();
        Self {
            token: Some(text(&reply["accessToken"])),
            refresh_token: text(&reply["refreshToken"]),
            id: text(&reply["user"]["id"]),
            ..Self::anonymous(url)
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.unwrap()
    }

    /// A request that must succeed.
    pub async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let response = self.send(method.clone(), path, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, Value::Null).await
    }

    /// A request that must be refused; its status and reason.
    pub async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        reason(self.send(method, path, body).await).await
    }

    pub async fn upload(&self, kind: &str, file: &Path) -> Response {
        let bytes = std::fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let form = multipart::Form::new().part("file", multipart::Part::bytes(bytes).file_name(name));
        self.request(Method::POST, &format!("/api/v1/upload/{kind}")).multipart(form).send().await.unwrap()
    }

    /// Uploads a video and makes a published one of it.
    pub async fn publish(&self, title: &str, file: &Path) -> Value {
        self.publish_with(title, file, json!({})).await
    }

    /// The same, with more said about it.
    pub async fn publish_with(&self, title: &str, file: &Path, more: Value) -> Value {
        let response = self.upload("video", file).await;
        assert_eq!(response.status(), 200);
        let upload: Value = response.json().await.unwrap();
        let mut body = json!({"title": title, "videoUploadId": upload["upload"]["id"], "publish": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ok(Method::POST, "/api/v1/videos", body).await["video"].clone()
    }
}

/// Status and reason of a refusal.
pub async fn reason(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without a status: {text}"));
    (status, body["details"][0]["reason"].as_str().unwrap_or_else(|| panic!("no reason: {text}")).to_owned())
}

/// Two seconds of a test picture with a tone.
pub fn video() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("video-{}.mp4", std::process::id()));
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=duration=2:size=320x240:rate=15"])
            .args(["-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"])
            .arg(&path)
            .status()
            .expect("ffmpeg is installed: scripts/install-tools does it");
        assert!(made.success());
        path
    })
    .clone()
}

/// A file of its own, made of bytes.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
