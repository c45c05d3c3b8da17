//! `/openapi.json` and `/docs`, a page without external resources.

use std::sync::LazyLock;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use http::{HeaderMap, HeaderValue, StatusCode, header};
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
    content_type: &'static str,
    text: &'static str,
    etag: Option<ETag>,
}

impl Asset {
    fn new(content_type: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text)[..12].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        Self { content_type, text, etag: format!("\"{digest}\"").parse().ok() }
    }

    fn response(&self, request: &HeaderMap) -> Response {
        let known = request.typed_get::<IfNoneMatch>().zip(self.etag.as_ref());
        let mut response = match known {
            Some((known, etag)) if !known.precondition_passes(etag) => StatusCode::NOT_MODIFIED.into_response(),
            _ => self.text.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
        if let Some(etag) = self.etag.clone() {
            headers.typed_insert(etag);
        }
        response
    }
}
