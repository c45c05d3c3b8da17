//! Authentication and access: every route of the contract, every role.

use std::time::Duration;

use fenz_contract::{
    Access,
    routes::{HOSTS, METHODS, RAW_ROUTES, Route},
};
use fenz_core::{Role, UserId};
use fenz_testkit::{Reply, eventually};
use reqwest::Method;
use serde_json::json;

use super::fleet::{Fleet, FleetBuilder};

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
            let client = role.map_or_else(|| fleet.client.clone(), |role| fleet.client_as(role));
            let reply = Reply::of(client.request(method.clone(), &filled(template))).await;
            let case = format!("{method} {template} as {role:?}");
            let status = match reply.status {
                // Admitted, but the fleet of this test has no such service.
                503 if !HOSTS.contains(&route.host()) => 200,
                status => status,
            };
            assert_eq!(status, expected(route.access(), role), "{case}");
            if reply.status == 200 && method != Method::HEAD {
                assert_eq!(reply.body["path"], filled(template), "{case}");
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
        let client = fleet.client.with_token(token);
        client.get("videos").await.refused(401, reason);
        client.post("auth/login", &json!({})).await.expect(200);
    }
    let basic = fleet.client.request(Method::GET, "/api/v1/videos").header("authorization", "Basic YTpi");
    Reply::of(basic).await.refused(401, "TOKEN_INVALID");
    fleet.client.get("user/me").await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_ended_session_is_refused() {
    let fleet = Fleet::start().await;
    let session = |id: &str| {
        fleet.client.with_token(fleet.sandbox.auth.token_for(UserId(7), Role::User, id, Duration::from_secs(900)))
    };
    let (ended, open) = (session("ended"), session("open"));
    ended.get("user/me").await.expect(200);
    fleet.sandbox.auth.end_session("ended");
    eventually(async || ended.get("user/me").await.status == 401).await;
    for path in ["user/me", "videos"] {
        ended.get(path).await.refused(401, "TOKEN_INVALID");
    }
    open.get("user/me").await.expect(200);
}
