//! Signing keys: shared by replicas, rotated by a subcommand.

use std::{process::Command, time::Duration};

use fenz_auth::Auth;
use fenz_chassis::{Process, settings::Sources};
use fenz_testkit::{Client, Database, PASSWORD, eventually};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{
    fleet::{Fleet, on_every_database, token_part},
    migration::Migrator,
};

async fn jwks_kids(url: &str) -> Vec<String> {
    let body: Value = reqwest::get(format!("{url}/.well-known/jwks.json")).await.unwrap().json().await.unwrap();
    let keys = body["keys"].as_array().unwrap();
    for key in keys {
        let fixed = ["kty", "crv", "alg", "use"].map(|name| key[name].as_str().unwrap());
        assert_eq!(fixed, ["OKP", "Ed25519", "EdDSA", "sig"]);
        assert_eq!(key["x"].as_str().unwrap().len(), 43);
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn replicas_that_start_at_once_share_one_key_and_one_administrator() {
    fenz_chassis::prepare();
    for database in Database::available() {
        let folder = tempfile::tempdir().unwrap();
        let database_url = database.create(folder.path(), "auth").await.unwrap();
        let mut sources = Sources::default();
        sources.set(&["database", "url"], &database_url).unwrap();
        sources.set(&["database", "max_connections"], "4").unwrap();
        sources.set(&["media_url", "keys"], "t1=a-secret-of-the-test").unwrap();
        sources.set(&["auth", "admin", "password"], PASSWORD).unwrap();
        // SQLite has no lock for migrations, so they run before.
        let (settings, _) = sources.service::<Value>("auth").unwrap();
        let settings = settings.section("database").unwrap();
        fenz_events::Database::<Migrator>::open(&settings, "auth").await.unwrap();
        let (one, two) = (Process::default(), Process::default());
        let listener = || TcpListener::bind("127.0.0.1:0");
        let (a, b) = (listener().await.unwrap(), listener().await.unwrap());
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let urls = (url(&a), url(&b));
        tokio::try_join!(
            fenz_chassis::start::<Auth>(&sources, &one, Some(a)),
            fenz_chassis::start::<Auth>(&sources, &two, Some(b))
        )
        .unwrap();
        let (a, b) = urls;
        let kids = jwks_kids(&a).await;
        assert_eq!((kids.len(), &kids), (1, &jwks_kids(&b).await), "{database:?}");
        one.stop.cancel();
        two.stop.cancel();
    }
}

/// Runs `rotate-keys` of the service's binary on a fleet's database.
async fn rotate(fleet: &Fleet) {
    let url = fleet.sandbox.database_url("auth").unwrap();
    let run = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_fenz-auth"))
            .arg("rotate-keys")
            .env("FENZ_DATABASE__URL", url)
            .output()
            .unwrap()
    });
    let output = run.await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

async fn wait_for_keys(fleet: &Fleet, count: usize) -> Vec<String> {
    let kids = async || jwks_kids(&fleet.sandbox.url("auth")).await;
    eventually(async || kids().await.len() == count).await;
    kids().await
}

#[tokio::test]
async fn a_new_key_is_published_then_signs_then_the_old_one_is_removed() {
    on_every_database(&[], async |fleet| {
        let clock = fleet.sandbox.process.clock.clone();
        let old = fleet.client.register("ann").await;
        rotate(&fleet).await;
        let kids = wait_for_keys(&fleet, 2).await;
        assert_eq!(token_part(old.text("accessToken"), 0)["kid"], kids[1]);
        let early = fleet.client.login("ann", PASSWORD).await;
        assert_eq!(
            token_part(early.text("accessToken"), 0)["kid"],
            kids[1],
            "signed before verifiers could fetch the key"
        );
        clock.advance(Duration::from_secs(61));
        let new = fleet.client.login("ann", PASSWORD).await;
        assert_eq!(token_part(new.text("accessToken"), 0)["kid"], kids[0]);
        for session in [&old, &new] {
            fleet.client.signed_in(session).get("user/me").await.expect(200);
        }
        clock.advance(Duration::from_secs(17 * 60));
        assert_eq!(wait_for_keys(&fleet, 1).await, kids[..1]);
        let refreshed = fleet.refresh(new.text("refreshToken")).await;
        fleet.client.signed_in(&refreshed).get("user/me").await.expect(200);
        fleet.client.signed_in(&old).get("user/me").await.refused(401, "TOKEN_INVALID");
    })
    .await;
}

#[tokio::test]
async fn keys_and_accounts_survive_a_restart() {
    on_every_database(&[], async |mut fleet| {
        let session = fleet.client.register("ann").await;
        let kids = jwks_kids(&fleet.sandbox.url("auth")).await;
        // Another administrator in the settings has no effect.
        fleet.sandbox.set("auth.admin.username", "somebody").unwrap();
        let url = fleet.sandbox.start_replica::<Auth>().await.unwrap();
        assert_eq!(jwks_kids(&url).await, kids);
        Client::new(url).signed_in(&session).get("user/me").await.expect(200);
        fleet.client.login("somebody", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    })
    .await;
}
