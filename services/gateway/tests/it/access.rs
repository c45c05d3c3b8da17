//! Authentication and access: every route of the contract, every role.

use std::time::Duration;

use fenz_contract::{
    Access,
    routes::{HOSTS, METHODS, RAW_ROUTES, Route},
};
use fenz_core::{Role, UserId};
use reqwest::Method;

use crate::fleet::{Fleet, FleetBuilder, error_reason};

/// A path that a template matches.
fn filled(template: &str) -> String {
    let segments = template.split('/').map(|s| if s.starts_with('{') { "1" } else { s });
    segments.collect::<Vec<_>>().join("/")
}

fn routes() -> impl Iterator<Item = (&'static str, &'static str, Route)> {
    let rpcs = METHODS.iter().filter_map(|m| Some((m.rest.as_ref()?.method, m.rest.as_ref()?.path, Route::Rpc(m))));
    rpcs.chain(RAW_ROUTES.iter().map(|r| (r.method, r.path, Route::Raw(r))))
}

fn expected(access: Access, role: Option<Role>) -> u16 {
    match (access, role) {
        (Access::Public, _) => 200,
        (_, None) => 401,
        (Access::Moderator, Some(Role::User)) | (Access::Admin, Some(Role::User | Role::Moderator)) => 403,
        (Access::Internal, _) => 404,
        _ => 200,
    }
}

#[tokio::test]
async fn every_route_enforces_its_access() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "0").start().await;
    for (method, template, route) in routes() {
        for role in [None, Some(Role::User), Some(Role::Moderator), Some(Role::Admin)] {
            let method: Method = method.parse().unwrap();
            let mut request = fleet.request(method.clone(), &filled(template));
            if let Some(role) = role {
                request = request.bearer_auth(fleet.token(role));
            }
            let response = request.send().await.unwrap();
            let case = format!("{method} {template} as {role:?}");
            let status = match response.status().as_u16() {
                // Admitted, but the fleet of this test has no such service.
                503 if !HOSTS.contains(&route.host()) => 200,
                status => status,
            };
            assert_eq!(status, expected(route.access(), role), "{case}");
            if response.status().is_success() && method != Method::HEAD {
                let echo: serde_json::Value = response.json().await.unwrap();
                assert_eq!(echo["path"], filled(template), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_on_public_routes_too() {
    let fleet = Fleet::start().await;
    let expired = fleet.sandbox.auth.token_for(UserId(1), Role::User, "s", Duration::ZERO);
    let good = fleet.token(Role::User);
    let cut = good[..good.len() - 2].to_owned();
    for (token, reason) in
        [("nonsense", "TOKEN_INVALID"), ("", "TOKEN_INVALID"), (&cut, "TOKEN_INVALID"), (&expired, "TOKEN_EXPIRED")]
    {
        let response = fleet.get("/api/v1/videos").bearer_auth(token).send().await.unwrap();
        assert_eq!(error_reason(response).await, (401, reason.to_owned()), "{token}");
        let ignored = fleet.post("/api/v1/auth/login").bearer_auth(token).body("{}").send().await.unwrap();
        assert_eq!(ignored.status(), 200, "{token}");
    }
    let basic = fleet.get("/api/v1/videos").header("authorization", "Basic YTpi").send().await.unwrap();
    assert_eq!(error_reason(basic).await, (401, "TOKEN_INVALID".to_owned()));
    let anonymous = fleet.get("/api/v1/user/me").send().await.unwrap();
    assert_eq!(error_reason(anonymous).await, (401, "UNAUTHENTICATED".to_owned()));
}

#[tokio::test]
async fn an_ended_session_is_refused_within_a_second() {
    let fleet = Fleet::start().await;
    let token = fleet.sandbox.auth.token_for(UserId(7), Role::User, "ended", Duration::from_secs(900));
    let other = fleet.sandbox.auth.token_for(UserId(7), Role::User, "open", Duration::from_secs(900));
    let me = async |token: &str| fleet.get("/api/v1/user/me").bearer_auth(token).send().await.unwrap();
    assert_eq!(me(&token).await.status(), 200);
    fleet.sandbox.auth.end_session("ended");
    tokio::time::sleep(Duration::from_millis(1000)).await;
    assert_eq!(error_reason(me(&token).await).await, (401, "TOKEN_INVALID".to_owned()));
    let public = fleet.get("/api/v1/videos").bearer_auth(&token).send().await.unwrap();
    assert_eq!(public.status(), 401);
    assert_eq!(me(&other).await.status(), 200);
}
