//! Cross-origin requests.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Preflights are answered before authentication and rate limits. No cookies
/// are used, so credentials are not allowed.
pub fn layer(origins: Option<Vec<HeaderValue>>) -> CorsLayer {
    let request_id = HeaderName::from_static("x-request-id");
    // With `*` the response is the same for every origin.
    let vary = origins.as_ref().map(|_| header::ORIGIN);
    CorsLayer::new()
        .vary(vary.into_iter().collect::<Vec<_>>())
        .allow_origin(origins.map_or_else(AllowOrigin::any, AllowOrigin::list))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_RANGE,
            header::RANGE,
            HeaderName::from_static("idempotency-key"),
            request_id.clone(),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            header::CONTENT_RANGE,
            header::ACCEPT_RANGES,
            header::ALLOW,
            request_id,
        ])
        .max_age(Duration::from_secs(3600))
}
