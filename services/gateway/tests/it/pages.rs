//! Routes that the gateway serves itself, and headers of every response.

use fenz_testkit::Reply;
use reqwest::Method;
use serde_json::Value;

use super::fleet::{Fleet, FleetBuilder};

#[tokio::test]
async fn the_openapi_document_and_its_page_are_served_and_cached() {
    let fleet = Fleet::start().await;
    let reply = Reply::of(fleet.client.request(Method::GET, "/openapi.json")).await;
    let contract = &reply.body;
    assert_eq!(contract["openapi"], "3.1.0");
    assert!(contract["components"]["schemas"]["fenzvideo.media.v1.UploadResponse"].is_object());
    assert!(contract["paths"]["/api/v1/videos/{id}"]["get"]["description"].is_string());
    let again = fleet.client.request(Method::GET, "/openapi.json").header("if-none-match", reply.header("etag"));
    Reply::of(again).await.expect(304);
    for (path, kind) in [
        ("/docs", "text/html"),
        ("/docs/app.js", "text/javascript"),
        ("/docs/schema.js", "text/javascript"),
        ("/docs/style.css", "text/css"),
    ] {
        let reply = Reply::of(fleet.client.request(Method::GET, path)).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.header("content-type").starts_with(kind));
        assert!(reply.header("content-security-policy").contains("script-src 'self'"));
        let text = reply.body.as_str().unwrap();
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
        assert_eq!(fleet.client.status("/healthz").await, 200);
        assert_eq!(fleet.client.status("/readyz").await, 200);
        assert_eq!(fleet.client.with_token("nonsense").status("/docs").await, 200);
    }
}

#[tokio::test]
async fn responses_have_security_headers() {
    let fleet = Fleet::start().await;
    for path in ["videos", "nothing", "user/me"] {
        let reply = fleet.client.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(reply.headers.contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn preflights_are_answered_before_every_check() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "1").start().await;
    for _ in 0..3 {
        let request = fleet
            .client
            .request(Method::OPTIONS, "/api/v1/videos")
            .header("origin", "https://player.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,idempotency-key");
        let reply = Reply::of(request).await;
        reply.expect(200);
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(reply.header("access-control-allow-methods").contains("PATCH"));
        assert!(reply.header("access-control-allow-headers").contains("idempotency-key"));
        assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    }
    let request = fleet.client.request(Method::GET, "/api/v1/videos").header("origin", "https://player.example");
    let reply = Reply::of(request).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert!(reply.header("access-control-expose-headers").contains("etag"));
}

#[tokio::test]
async fn only_configured_origins_are_allowed() {
    let fleet = FleetBuilder::set("gateway.cors.origins", "https://a.example, https://b.example").start().await;
    let allowed = async |origin: &str| {
        let reply = Reply::of(fleet.client.request(Method::GET, "/api/v1/videos").header("origin", origin)).await;
        reply.headers.get("access-control-allow-origin").map(|o| o.to_str().unwrap().to_owned())
    };
    assert_eq!(allowed("https://b.example").await.as_deref(), Some("https://b.example"));
    assert_eq!(allowed("https://c.example").await, None);
}
