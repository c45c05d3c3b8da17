//! Routes that the gateway serves itself, and headers of every response.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::fleet::{Fleet, FleetBuilder};

#[tokio::test]
async fn the_openapi_document_and_its_page_are_served_and_cached() {
    let fleet = Fleet::start().await;
    let response = fleet.get("/openapi.json").send().await.unwrap();
    let etag = response.headers()["etag"].clone();
    let contract: Value = response.json().await.unwrap();
    assert_eq!(contract["openapi"], "3.1.0");
    assert!(contract["components"]["schemas"]["fenzvideo.media.v1.UploadResponse"].is_object());
    assert!(contract["paths"]["/api/v1/videos/{id}"]["get"]["description"].is_string());
    let again = fleet.get("/openapi.json").header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    for (path, kind) in [
        ("/docs", "text/html"),
        ("/docs/app.js", "text/javascript"),
        ("/docs/schema.js", "text/javascript"),
        ("/docs/style.css", "text/css"),
    ] {
        let response = fleet.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(kind));
        assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
        let text = response.text().await.unwrap();
        let external = text.matches("://").count() - text.matches("http://www.w3.org").count();
        assert_eq!(external, 0, "{path} refers to another server");
    }
}

#[test]
fn every_reference_of_the_openapi_document_resolves() {
    fn references<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                into.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|v| references(v, into));
            }
            Value::Array(items) => items.iter().for_each(|v| references(v, into)),
            _ => {}
        }
    }
    let contract: Value = serde_json::from_str(fenz_contract::OPENAPI).unwrap();
    let mut found = Vec::new();
    references(&contract, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        assert!(contract.pointer(&reference[1..]).is_some(), "{reference}");
    }
    let ids: Vec<_> =
        contract["paths"].as_object().unwrap().values().flat_map(|p| p.as_object().unwrap().values()).collect();
    for operation in ids {
        assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{operation}");
    }
}

#[tokio::test]
async fn health_routes_need_no_token_and_have_no_limit() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "1").start().await;
    for _ in 0..5 {
        assert_eq!(fleet.get("/healthz").send().await.unwrap().status(), 200);
        assert_eq!(fleet.get("/readyz").send().await.unwrap().status(), 200);
        assert_eq!(fleet.get("/docs").bearer_auth("nonsense").send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn responses_have_security_headers() {
    let fleet = Fleet::start().await;
    for path in ["/api/v1/videos", "/api/v1/nothing", "/api/v1/user/me"] {
        let response = fleet.get(path).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers.contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn preflights_are_answered_before_every_check() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "1").start().await;
    for _ in 0..3 {
        let request = fleet
            .request(Method::OPTIONS, "/api/v1/videos")
            .header("origin", "https://player.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,idempotency-key");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
        assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key"));
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }
    let response = fleet.get("/api/v1/videos").header("origin", "https://player.example").send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(response.headers()["access-control-expose-headers"].to_str().unwrap().contains("etag"));
}

#[tokio::test]
async fn only_configured_origins_are_allowed() {
    let fleet = FleetBuilder::set("gateway.cors.origins", "https://a.example, https://b.example").start().await;
    let allowed = async |origin: &str| {
        let response = fleet.get("/api/v1/videos").header("origin", origin).send().await.unwrap();
        response.headers().get("access-control-allow-origin").map(|o| o.to_str().unwrap().to_owned())
    };
    assert_eq!(allowed("https://b.example").await.as_deref(), Some("https://b.example"));
    assert_eq!(allowed("https://c.example").await, None);
}
