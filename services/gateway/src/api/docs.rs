//! `/openapi.json` and `/docs`, a page without external resources.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// The page may load scripts from and send requests to its own origin only.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static OPENAPI: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", fenz_contract::OPENAPI));
static PAGE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/html; charset=utf-8", include_str!("docs/index.html")));
static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/css; charset=utf-8", include_str!("docs/style.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", include_str!("docs/app.js")));
static SCHEMA: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", include_str!("docs/schema.js")));

pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let asset = |asset: &'static LazyLock<Asset>| get(async move |headers: HeaderMap| asset.response(&headers));
    Router::new()
        .route("/openapi.json", asset(&OPENAPI))
        .route("/docs", asset(&PAGE))
        .route("/docs/", asset(&PAGE))
        .route("/docs/style.css", asset(&STYLE))
        .route("/docs/app.js", asset(&SCRIPT))
        .route("/docs/schema.js", asset(&SCHEMA))
}

struct Asset {
    content_type: HeaderValue,
    text: &'static str,
    etag: HeaderValue,
}

impl Asset {
    fn new(content_type: &'static str, text: &'static str) -> Self {
        let mut etag = String::from("\"");
        for byte in &Sha256::digest(text)[..12] {
            write!(etag, "{byte:02x}").ok();
        }
        etag.push('"');
        let etag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { content_type: HeaderValue::from_static(content_type), text, etag }
    }

    fn response(&self, headers: &HeaderMap) -> Response {
        let head: [(HeaderName, HeaderValue); 4] = [
            (header::CONTENT_TYPE, self.content_type.clone()),
            (header::ETAG, self.etag.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
        ];
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let mut known = known.flat_map(|v| v.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
        if known.any(|tag| tag == "*" || tag.as_bytes() == self.etag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, head).into_response();
        }
        (head, self.text).into_response()
    }
}
