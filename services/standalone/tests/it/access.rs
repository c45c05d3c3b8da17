//! Every route of the contract with every kind of caller, against its access.

use fenz_contract::{
    Access,
    routes::{METHODS, RAW_ROUTES},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Person, reason},
    platform::Platform,
};

/// Method, path and access of each route, with ids that name nothing.
fn routes() -> Vec<(Method, String, Access)> {
    let rest = METHODS.iter().filter_map(|m| Some((m.rest.as_ref()?.method, m.rest.as_ref()?.path, m.access)));
    // The stream takes a ticket instead of a token, and does not end.
    let raw = RAW_ROUTES
        .iter()
        .filter(|r| r.method != "HEAD" && !r.path.ends_with("/stream"))
        .map(|r| (r.method, r.path, r.access));
    rest.chain(raw)
        .map(|(method, path, access)| {
            let concrete = path.split('/').map(|s| if s.starts_with('{') { "1" } else { s });
            (method.parse().unwrap(), concrete.collect::<Vec<_>>().join("/"), access)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_holds_every_caller_against_its_access() {
    let platform = Platform::standalone(&[]).await;
    let url = &platform.url;
    let anonymous = Person::anonymous(url);
    let admin = Person::administrator(url).await;
    for (i, (method, path, access)) in routes().into_iter().enumerate() {
        let body = if method == Method::GET { Value::Null } else { json!({}) };
        let what = format!("{method} {path}");
        // A new user each time: some routes end the session.
        let user = Person::register(url, &format!("user_{i}")).await;
        let (without, with) = tokio::join!(
            anonymous.send(method.clone(), &path, body.clone()),
            user.send(method.clone(), &path, body.clone()),
        );
        match access {
            Access::Public => assert_ne!(without.status(), 401, "{what}"),
            _ => assert_eq!(reason(without).await, (401, "UNAUTHENTICATED".into()), "{what}"),
        }
        match access {
            Access::Admin => assert_eq!(reason(with).await, (403, "ADMIN_REQUIRED".into()), "{what}"),
            _ => assert_ne!(with.status(), 401, "{what}"),
        }
        if access == Access::Admin {
            assert!(![401, 403].contains(&admin.send(method, &path, body).await.status().as_u16()), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_refused_on_public_routes_too() {
    let platform = Platform::standalone(&[]).await;
    let mut stranger = Person::anonymous(&platform.url);
    stranger.token = Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".into());
    let refused = stranger.refused(Method::GET, "/api/v1/videos", Value::Null).await;
    assert_eq!(refused, (401, "TOKEN_INVALID".into()));
    let login = json!({"username": "nobody", "password": "wrong"});
    let refused = stranger.refused(Method::POST, "/api/v1/auth/login", login).await;
    assert_eq!(refused, (401, "INVALID_CREDENTIALS".into()));
}
