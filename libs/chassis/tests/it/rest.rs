//! What a client meets on a service's port, whatever the service.

use anyhow::Result;
use fenz_chassis::{Endpoints, Platform, Process, Service, settings::Sources};
use fenz_contract::{
    auth::v1::{GetJwksRequest, auth_service_client::AuthServiceClient},
    content::v1::{CategoryServiceHandler, ListCategoriesRequest, ListCategoriesResponse, category_service},
};
use fenz_testkit::StandInAuth;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tonic::Request;

/// A service with the contract of auth, and categories that panic.
struct Probe;

impl Service for Probe {
    const NAME: &'static str = "auth";
    const PORT: u16 = 0;
    type Config = Value;
    type Requirements = ();

    async fn build(platform: Platform, (): (), _: Value) -> Result<Endpoints> {
        let auth = StandInAuth::new(platform.clock.clone()).endpoint(platform.authorizer.clone());
        let categories = category_service(Panics, platform.authorizer.clone());
        Ok(Endpoints { rpc: vec![auth, categories], ..Endpoints::default() })
    }
}

struct Panics;

impl CategoryServiceHandler for Panics {
    async fn list_categories(
        &self,
        _: Request<ListCategoriesRequest>,
    ) -> fenz_core::Result<tonic::Response<ListCategoriesResponse>> {
        panic!("a secret of the inside")
    }
}

async fn start() -> (String, Process) {
    fenz_chassis::prepare();
    let process = Process::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    fenz_chassis::start::<Probe>(&Sources::default(), &process, Some(listener)).await.unwrap();
    (url, process)
}

async fn post(url: &str, body: impl Into<reqwest::Body>) -> Response {
    Client::new().post(url).header("content-type", "application/json").body(body).send().await.unwrap()
}

/// Status, reason, and the fields that are wrong.
async fn refusal(response: Response) -> (StatusCode, String, Vec<String>) {
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    let reason = body["details"][0]["reason"].as_str().unwrap_or_default().to_owned();
    let fields = body["details"][1]["fieldViolations"].as_array().into_iter().flatten();
    (status, reason, fields.filter_map(|v| v["field"].as_str().map(str::to_owned)).collect())
}

/// Addresses are kept in logs and histories.
#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_body_are_not_taken_from_the_query() {
    let (url, _process) = start().await;
    let full = r#"{"username": "ann", "password": "secret words"}"#;
    for (query, body, fields) in [
        ("username=ann&password=secret%20words", "{}", &["username", "password"][..]),
        ("password=other", full, &["password"]),
        ("sessionId=1", full, &["sessionId"]),
        ("session_id=1", full, &["session_id"]),
        ("utm_source=letter", full, &["utm_source"]),
    ] {
        let reply = refusal(post(&format!("{url}/api/v1/auth/login?{query}"), body).await).await;
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        assert_eq!(reply, (StatusCode::BAD_REQUEST, "INVALID_PARAMS".to_owned(), fields), "{query}");
    }
    // Without these it reaches the handler, which here has no login.
    let reply = refusal(post(&format!("{url}/api/v1/auth/login"), full).await).await;
    assert_eq!((reply.0, reply.1.as_str()), (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_told_field_by_field() {
    let (url, _process) = start().await;
    let login = format!("{url}/api/v1/auth/login");
    let bad = StatusCode::BAD_REQUEST;
    let cases: [(&str, &[&str]); 5] = [
        ("{", &[]),
        (r#"{"username": "a", "password": 5}"#, &["password"]),
        (r#"{"username": "a", "password": "b", "extra": 1}"#, &["extra"]),
        (r#"{"username": "a"}"#, &["password"]),
        (r#"{"username": "a", "password": "b", "sessionId": "no"}"#, &["sessionId"]),
    ];
    for (body, fields) in cases {
        let (status, reason, named) = refusal(post(&login, body).await).await;
        assert_eq!((status, reason.as_str()), (bad, "INVALID_PARAMS"), "{body}");
        assert_eq!(named, fields, "{body}");
    }
    let unknown = reqwest::get(format!("{url}/.well-known/jwks.json?nothing=1")).await.unwrap();
    assert_eq!(refusal(unknown).await, (bad, "INVALID_PARAMS".into(), vec!["nothing".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_request_gets_no_large_refusal() {
    let (url, _process) = start().await;
    let keys: Vec<_> = (0..50_000).map(|n| format!(r#""k{n}":1"#)).collect();
    let body = format!("{{{}}}", keys.join(","));
    let (status, reason, named) = refusal(post(&format!("{url}/api/v1/auth/login"), body).await).await;
    assert_eq!((status, reason.as_str(), named.len()), (StatusCode::BAD_REQUEST, "INVALID_PARAMS", 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn rpcs_are_measured_by_their_names() {
    let (url, _process) = start().await;
    let mut auth = AuthServiceClient::connect(url).await.unwrap();
    auth.get_jwks(GetJwksRequest {}).await.unwrap();
    let metrics = fenz_chassis::ops::recorder().render();
    let route = r#"route="/fenzvideo.auth.v1.AuthService/GetJwks""#;
    assert!(metrics.contains(route), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_of_json_are_refused() {
    let (url, _process) = start().await;
    let body = format!(r#"{{"username": "{}"}}"#, "a".repeat(10 << 20));
    let (status, reason, _) = refusal(post(&format!("{url}/api/v1/auth/login"), body).await).await;
    assert_eq!((status, reason.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_told_apart() {
    let (url, _process) = start().await;
    let nothing = reqwest::get(format!("{url}/api/v1/nothing")).await.unwrap();
    assert_eq!(refusal(nothing).await.1, "ROUTE_NOT_FOUND");
    let wrong = reqwest::get(format!("{url}/api/v1/auth/login")).await.unwrap();
    assert_eq!(wrong.headers()["allow"], "POST");
    assert_eq!(refusal(wrong).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_before_the_body_is_looked_at() {
    let (url, _process) = start().await;
    let (status, reason, _) = refusal(post(&format!("{url}/api/v1/auth/logout"), "{").await).await;
    assert_eq!((status, reason.as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_500_that_tells_nothing_but_its_request() {
    let (url, _process) = start().await;
    let request = Client::new().get(format!("{url}/api/v1/categories")).header("x-request-id", "my-request-1");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["x-request-id"], "my-request-1");
    let body = response.text().await.unwrap();
    assert!(!body.contains("secret") && body.contains("my-request-1"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_request_ends_before_the_server_does() {
    let (url, process) = start().await;
    let open = tokio::spawn(async move { reqwest::get(format!("{url}/.well-known/jwks.json")).await.unwrap() });
    let status = open.await.unwrap().status();
    process.stop.cancel();
    process.tasks.close();
    tokio::time::timeout(std::time::Duration::from_secs(5), process.tasks.wait()).await.expect("drains in time");
    assert_eq!(status, StatusCode::OK);
}
