//! Titles and descriptions from the Gemini API
//! (<https://ai.google.dev/api/generate-content>).

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

const MAX_ATTEMPTS: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Limits of the contract.
const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 10_000;

/// A title and a description.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Text {
    pub title: String,
    pub description: String,
}

/// A client that pauses between calls.
pub struct Gemini {
    http: reqwest::Client,
    url: String,
    key: String,
    pause: Duration,
    next: Instant,
}

enum Failure {
    Transient(anyhow::Error),
    Permanent(anyhow::Error),
}

impl Gemini {
    pub fn new(endpoint: &str, model: &str, key: String, pause: Duration) -> Result<Self> {
        let url = format!("{}/v1beta/models/{model}:generateContent", endpoint.trim_end_matches('/'));
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, url, key, pause, next: Instant::now() })
    }

    /// A text about a tag in a category, in Traditional Chinese.
    ///
    /// # Errors
    /// Permanent errors of the API, and the last transient one after all attempts.
    pub async fn text(&mut self, tag: &str, category: &str) -> Result<Text> {
        let mut last = None;
        for _ in 0..MAX_ATTEMPTS {
            tokio::time::sleep_until(self.next).await;
            let outcome = self.request(tag, category).await;
            self.next = Instant::now() + self.pause;
            match outcome {
                Ok(text) => return Ok(text),
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Transient(error)) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("not requested")))
    }

    async fn request(&self, tag: &str, category: &str) -> Result<Text, Failure> {
        let prompt = format!(
            "請用繁體中文為一支影片寫標題與描述。標籤：{tag}。分類：{category}。標題不超過四十個字，描述兩到三句話。"
        );
        let body = json!({
            "contents": [{"parts": [{"text": prompt}]}],
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": {
                    "type": "OBJECT",
                    "properties": {"title": {"type": "STRING"}, "description": {"type": "STRING"}},
                    "required": ["title", "description"],
                },
            },
        });
        // The key is sent in a header, as URLs are logged.
        let sent = self.http.post(&self.url).header("x-goog-api-key", &self.key).json(&body).send().await;
        let reply = sent.map_err(|e| Failure::Transient(e.without_url().into()))?;
        let status = reply.status();
        if status.is_client_error() && status != reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Permanent(anyhow::anyhow!("the API answered {status}")));
        }
        if !status.is_success() {
            return Err(Failure::Transient(anyhow::anyhow!("the API answered {status}")));
        }
        let reply: Value = reply.json().await.map_err(|e| Failure::Transient(e.without_url().into()))?;
        parse(&reply).map_err(Failure::Transient)
    }
}

/// The text of a reply, trimmed to the limits of a video.
fn parse(reply: &Value) -> Result<Text> {
    let Some(text) = reply.pointer("/candidates/0/content/parts/0/text").and_then(Value::as_str) else {
        bail!("the reply has no candidate");
    };
    let text: Text = serde_json::from_str(text).context("the candidate is not what was asked for")?;
    let title: String = text.title.trim().chars().take(MAX_TITLE).collect();
    ensure!(!title.is_empty(), "the title is empty");
    Ok(Text { title, description: text.description.trim().chars().take(MAX_DESCRIPTION).collect() })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};

    use super::*;

    /// A stub of the API: rejects a wrong key, and rate-limits the first `busy` calls.
    async fn serve(busy: usize) -> (String, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let route = "/v1beta/models/test-model:generateContent";
        let app = Router::new().route(route, post(answer)).with_state((calls.clone(), busy));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (address, calls)
    }

    async fn answer(
        State((calls, busy)): State<(Arc<AtomicUsize>, usize)>,
        headers: HeaderMap,
        Json(body): Json<Value>,
    ) -> (StatusCode, Json<Value>) {
        if headers.get("x-goog-api-key").is_none_or(|k| k != "good") {
            return (StatusCode::FORBIDDEN, Json(json!({"error": {"status": "PERMISSION_DENIED"}})));
        }
        if calls.fetch_add(1, Ordering::SeqCst) < busy {
            return (StatusCode::TOO_MANY_REQUESTS, Json(json!({"error": {"status": "RESOURCE_EXHAUSTED"}})));
        }
        let prompt = body["contents"][0]["parts"][0]["text"].as_str().unwrap().to_owned();
        assert!(prompt.contains("開箱") && prompt.contains("科技"));
        let text = json!({"title": " 新標題 ", "description": "描述"}).to_string();
        (StatusCode::OK, Json(json!({"candidates": [{"content": {"parts": [{"text": text}]}}]})))
    }

    async fn generate(address: &str, key: &str) -> Result<Text> {
        let mut gemini = Gemini::new(address, "test-model", key.to_owned(), Duration::from_millis(20))?;
        gemini.text("開箱", "科技").await
    }

    #[tokio::test]
    async fn retries_when_rate_limited_and_pauses_between_calls() {
        let (address, calls) = serve(2).await;
        let started = Instant::now();
        let text = generate(&address, "good").await.unwrap();
        assert_eq!(text, Text { title: "新標題".to_owned(), description: "描述".to_owned() });
        assert_eq!(calls.load(Ordering::SeqCst), 3);
        assert!(started.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn fails_at_once_on_a_bad_key_and_after_all_attempts_otherwise() {
        let (address, calls) = serve(9).await;
        assert!(generate(&address, "bad").await.unwrap_err().to_string().contains("403"));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert!(generate(&address, "good").await.unwrap_err().to_string().contains("429"));
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_reply_without_a_text_is_an_error() {
        assert!(parse(&json!({"candidates": []})).is_err());
        assert!(parse(&json!({"candidates": [{"content": {"parts": [{"text": "no JSON"}]}}]})).is_err());
    }
}
