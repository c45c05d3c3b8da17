//! Every route of the contract with every kind of caller, against its access.

use fenz_contract::{
    Access,
    routes::{METHODS, RAW_ROUTES},
};
use fenz_testkit::{Client, Reply};
use reqwest::Method;
use serde_json::json;

use crate::platform::Platform;

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
    let admin = platform.administrator().await;
    for (i, (method, path, access)) in routes().into_iter().enumerate() {
        let what = format!("{method} {path}");
        // A new user each time: some routes end the session.
        let user = platform.register(&format!("user_{i}")).await;
        let send = |client: &Client| {
            let request = client.request(method.clone(), &path);
            Reply::of(if method == Method::GET { request } else { request.json(&json!({})) })
        };
        let (without, with) = tokio::join!(send(&platform.client), send(&user));
        match access {
            Access::Public => assert_ne!(without.status, 401, "{what}"),
            _ => assert_eq!((without.status, without.reason()), (401, "UNAUTHENTICATED"), "{what}"),
        }
        match access {
            Access::Admin => assert_eq!((with.status, with.reason()), (403, "ADMIN_REQUIRED"), "{what}"),
            _ => assert_ne!(with.status, 401, "{what}"),
        }
        if access == Access::Admin {
            assert!(![401, 403].contains(&send(&admin).await.status), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_refused_on_public_routes_too() {
    let platform = Platform::standalone(&[]).await;
    let stranger = platform.client.with_token("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.");
    stranger.get("videos").await.refused(401, "TOKEN_INVALID");
    stranger.login("nobody", "wrong").await.refused(401, "INVALID_CREDENTIALS");
}
