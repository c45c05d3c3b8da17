//! Routing, and what of a request arrives at the service.

use fenz_core::Role;
use fenz_testkit::{Reply, Transport};
use reqwest::Method;
use serde_json::{Value, json};

use super::TRANSPORT;
use super::fleet::{Fleet, FleetBuilder};

#[tokio::test]
async fn unknown_paths_are_404_and_unknown_methods_405() {
    let fleet = Fleet::start().await;
    for path in ["/", "/api/v1/nothing", "/api/v1/videos/", "/metrics", "//api/v1/videos"] {
        Reply::of(fleet.client.request(Method::GET, path)).await.refused(404, "ROUTE_NOT_FOUND");
    }
    let reply = fleet.client.send(Method::POST, "videos/1", &Value::Null).await;
    assert_eq!(reply.refused(405, "METHOD_NOT_ALLOWED").header("allow"), "DELETE, GET, PUT");
    fleet.client.send(Method::HEAD, "videos/1", &Value::Null).await.expect(405);
    // Internal RPCs are not routed.
    let internal = "/fenzvideo.auth.v1.AuthService/ListEndedSessions";
    Reply::of(fleet.client.request(Method::POST, internal).json(&json!({}))).await.expect(404);
}

#[tokio::test]
async fn the_request_arrives_as_it_was_sent() {
    let fleet = Fleet::start().await;
    let token = fleet.token(Role::User);
    let request = fleet
        .client
        .request(Method::GET, "/api/v1/videos?tagIds=1&tagIds=2&channelId=%31")
        .bearer_auth(&token)
        .header("x-request-id", "client-made-1")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("if-match", "\"3\"");
    let reply = Reply::of(request).await;
    assert_eq!(reply.header("x-request-id"), "client-made-1");
    let echo = reply.body;
    assert_eq!(echo["path"], "/api/v1/videos?tagIds=1&tagIds=2&channelId=%31");
    let headers = &echo["headers"];
    assert_eq!(headers["authorization"], format!("Bearer {token}"));
    assert_eq!(headers["x-request-id"], "client-made-1");
    assert_eq!(headers["if-match"], "\"3\"");
    let trace = headers["traceparent"].as_str().unwrap();
    assert!(
        trace.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && !trace.contains("00f067aa0ba902b7"),
        "{trace}"
    );
    let host = match TRANSPORT {
        Transport::Loopback => fleet.sandbox.url("content"),
        Transport::InProcess => "http://content".to_owned(),
    };
    assert_eq!(format!("http://{}", headers["host"].as_str().unwrap()), host);
    assert_eq!(format!("http://{}", headers["x-forwarded-host"].as_str().unwrap()), fleet.url);
}

#[tokio::test]
async fn headers_that_only_services_may_set_are_removed() {
    let fleet = Fleet::start().await;
    let request = fleet
        .client
        .request(Method::GET, "/api/v1/videos")
        .header("x-fenz-client-address", "198.51.100.1")
        .header("x-fenz-http-status", "200")
        .header("X-Fenz-Anything", "1")
        .header("x-forwarded-for", "198.51.100.1")
        .header("x-forwarded-proto", "https")
        .header("x-real-ip", "198.51.100.1")
        .header("forwarded", "for=198.51.100.1")
        .header("connection", "keep-alive, x-secret, authorization")
        .header("x-secret", "for the next hop")
        .header("te", "trailers")
        .header("proxy-authorization", "Basic YTpi");
    let echo = Reply::of(request).await.body;
    let headers = echo["headers"].as_object().unwrap();
    assert_eq!(headers["x-fenz-client-address"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    let removed = [
        "x-fenz-http-status",
        "x-fenz-anything",
        "x-real-ip",
        "forwarded",
        "x-secret",
        "te",
        "connection",
        "proxy-authorization",
    ];
    assert!(removed.iter().all(|name| !headers.contains_key(*name)), "{headers:?}");
}

#[tokio::test]
async fn headers_of_a_trusted_proxy_are_kept() {
    let fleet = FleetBuilder::set("gateway.trusted_proxies", "127.0.0.0/8,10.0.0.1").start().await;
    let request = fleet
        .client
        .request(Method::GET, "/api/v1/videos")
        .header("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.1")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "video.example");
    let echo = Reply::of(request).await.body;
    let headers = &echo["headers"];
    assert_eq!(headers["x-fenz-client-address"], "203.0.113.9");
    assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 203.0.113.9, 10.0.0.1, 127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-host"], "video.example");
}
