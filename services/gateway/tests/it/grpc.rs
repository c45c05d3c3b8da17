//! gRPC through the same port and the same checks.

use fenz_contract::auth::v1::{
    GetJwksRequest, ListEndedSessionsRequest, ListSessionsRequest, auth_service_client::AuthServiceClient,
};
use fenz_core::Role;
use tonic::{Code, Request, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use super::fleet::{Fleet, FleetBuilder};

async fn client(fleet: &Fleet) -> AuthServiceClient<Channel> {
    AuthServiceClient::connect(fleet.url.clone()).await.unwrap()
}

#[tokio::test]
async fn calls_reach_the_service_and_its_errors_the_caller() {
    let fleet = Fleet::start().await;
    let mut auth = client(&fleet).await;
    let keys = auth.get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(keys[0].kty, "OKP");
    // This error is the stub's own: its trailers pass through.
    let mut request = Request::new(ListSessionsRequest {});
    let token = format!("Bearer {}", fleet.token(Role::User));
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    let status = auth.list_sessions(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("a test that needs this"), "{status:?}");
}

#[tokio::test]
async fn the_gateways_own_errors_are_grpc_statuses() {
    let fleet = Fleet::start().await;
    let mut auth = client(&fleet).await;
    let status = auth.list_sessions(ListSessionsRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "UNAUTHENTICATED");
    let internal = auth.list_ended_sessions(ListEndedSessionsRequest::default()).await.unwrap_err();
    assert_eq!(internal.code(), Code::Unimplemented);
}

#[tokio::test]
async fn rate_limits_and_unavailable_services_are_grpc_statuses() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "1").start().await;
    let mut auth = client(&fleet).await;
    auth.get_jwks(GetJwksRequest {}).await.unwrap();
    let status = auth.get_jwks(GetJwksRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "RATE_LIMITED");
    // Methods that are not served count as well.
    let status = auth.list_ended_sessions(ListEndedSessionsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let fleet = FleetBuilder { without_content: true, ..FleetBuilder::default() }.start().await;
    let channel = Channel::from_shared(fleet.url.clone()).unwrap().connect().await.unwrap();
    let mut videos = fenz_contract::content::v1::video_service_client::VideoServiceClient::new(channel);
    let status = videos.get_video(fenz_contract::content::v1::GetVideoRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "0").start().await;
    let auth = client(&fleet).await;
    let calls = (0..100).map(|_| {
        let mut auth = auth.clone();
        async move { auth.get_jwks(GetJwksRequest {}).await.is_ok() }
    });
    assert!(futures::future::join_all(calls).await.into_iter().all(|ok| ok));
}

#[tokio::test]
async fn the_gateway_has_a_health_of_its_own() {
    let fleet = Fleet::start().await;
    let channel = Channel::from_shared(fleet.url.clone()).unwrap().connect().await.unwrap();
    let request = HealthCheckRequest { service: "liveness".to_owned() };
    let health = HealthClient::new(channel).check(request).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);
}
