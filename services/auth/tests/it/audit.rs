//! Security events in the audit log, and guests who sign in.

use fenz_auth::Auth;
use fenz_contract::events::v1::{AuditRecorded, GuestJoined};
use fenz_testkit::{Client, PASSWORD, eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    deletion::mentions,
    events::Events,
    fleet::{ADMIN_PASSWORD, on_every_database_with_events},
};

/// The reported failures of an account, or 0 for unknown names, from an address: their
/// number and the entries.
fn reported(events: &Events, user: &str, address: &str) -> (i64, Vec<Value>) {
    let entries = events.all::<AuditRecorded>().into_iter().filter(|entry| {
        entry["action"] == "auth.login_failed" && entry["subjectUserId"] == user && entry["address"] == address
    });
    let entries: Vec<Value> = entries.collect();
    (entries.iter().map(|entry| after(entry)["failures"].as_i64().unwrap()).sum(), entries)
}

fn after(entry: &Value) -> Value {
    serde_json::from_str(entry["after"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn failed_logins_are_reported_by_account_and_address() {
    on_every_database_with_events(
        &[("failure_report_interval", "1s"), ("throttle.free_failures", "50")],
        async |fleet| {
            let ann = fleet.client.register("ann").await;
            let id = ann.ok("user")["id"].as_str().unwrap().to_owned();
            for (address, names) in [("10.0.0.1", ["ann", "ANN", "ann@example.com"].as_slice()), ("10.0.0.2", &["ann"])]
            {
                let tries = names.iter().map(|name| fleet.login_from(address, name, "wrong password"));
                for reply in futures::future::join_all(tries).await {
                    reply.refused(401, "INVALID_CREDENTIALS");
                }
            }
            // A later success does not remove the failures.
            fleet.login_from("10.0.0.1", "ann", PASSWORD).await.expect(200);
            for (address, failures) in [("10.0.0.1", 3), ("10.0.0.2", 1)] {
                eventually(async || reported(&fleet.events, &id, address).0 >= failures).await;
                let (sum, entries) = reported(&fleet.events, &id, address);
                assert_eq!(sum, failures, "{entries:?}");
                // One entry, or two when the job ran in between.
                assert!(entries.len() <= 2, "{entries:?}");
                assert_eq!((&entries[0]["objectType"], &entries[0]["actorId"]), (&json!("login"), &json!("0")));
                assert_eq!(entries[0]["objectId"], "ann");
            }
            assert_eq!(fleet.sandbox.count("auth", "unreported_failures").await, 0);
        },
    )
    .await;
}

/// People type passwords into the name field.
#[tokio::test]
async fn what_was_typed_is_stored_nowhere() {
    on_every_database_with_events(
        &[("failure_report_interval", "1s"), ("throttle.free_failures", "50")],
        async |fleet| {
            let digest = async |address: &str, name: &str| {
                let before = reported(&fleet.events, "0", address).0;
                fleet.login_from(address, name, "wrong").await.refused(401, "INVALID_CREDENTIALS");
                eventually(async || reported(&fleet.events, "0", address).0 > before).await;
                let entry = reported(&fleet.events, "0", address).1.pop().unwrap();
                assert_eq!(after(&entry), json!({"failures": 1, "names": 1}));
                entry["objectId"].as_str().unwrap().to_owned()
            };
            let first = digest("10.0.0.1", "my Secret \u{1f600}").await;
            assert!(first.len() == 64 && first.bytes().all(|b| b.is_ascii_hexdigit()), "{first}");
            assert_eq!(digest("10.0.0.2", "My secret \u{1f600}").await, first);
            assert_ne!(digest("10.0.0.3", "my secret").await, first);
            let bytes = (0..32).map(|i| u8::from_str_radix(&first[2 * i..2 * i + 2], 16).unwrap());
            let bytes: Vec<u8> = bytes.collect();
            for prefix in ["", "typed\0"] {
                let guessed = Sha256::digest(format!("{prefix}my secret \u{1f600}"));
                assert_ne!(bytes, guessed.as_slice(), "a digest without a key can be guessed");
            }
            // Another replica has the same key.
            let replica = Client::new(fleet.sandbox.start_replica::<Auth>().await.unwrap());
            replica.login("my secret \u{1f600}", "wrong").await.refused(401, "INVALID_CREDENTIALS");
            eventually(async || reported(&fleet.events, "0", "").0 == 1).await;
            assert_eq!(reported(&fleet.events, "0", "").1[0]["objectId"], *first);

            let events = fleet.events.all::<AuditRecorded>();
            assert!(!json!(events).to_string().to_lowercase().contains("my secret"), "{events:?}");
            assert!(mentions(&fleet, &["my secret"]).await.is_empty());
        },
    )
    .await;
}

/// However many names a stranger tries.
#[tokio::test]
async fn unknown_names_from_one_network_have_one_entry() {
    on_every_database_with_events(&[("failure_report_interval", "5s")], async |fleet| {
        let names: Vec<(String, String)> =
            (0..12).map(|i| (format!("2001:db8::{}", i % 3), format!("name number {i}"))).collect();
        let tries = names.iter().map(|(address, name)| fleet.login_from(address, name, "wrong password"));
        for reply in futures::future::join_all(tries).await {
            reply.refused(401, "INVALID_CREDENTIALS");
        }
        eventually(async || reported(&fleet.events, "0", "2001:db8::/64").0 >= 12).await;
        let (sum, entries) = reported(&fleet.events, "0", "2001:db8::/64");
        assert_eq!(sum, 12, "{entries:?}");
        // One, or a few when the job ran in between.
        assert!(entries.len() <= 3, "{entries:?}");
        assert_eq!(entries.iter().map(|entry| after(entry)["names"].as_i64().unwrap()).sum::<i64>(), 12);
        assert!(entries.iter().any(|entry| entry["objectId"] == ""), "{entries:?}");
    })
    .await;
}

#[tokio::test]
async fn security_events_are_audited() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        let (id, ann, refresh) = fleet.account(&admin, "ann", "user").await;
        let body = json!({"currentPassword": PASSWORD, "newPassword": "another good one"});
        ann.put("user/password", &body).await.expect(200);
        fleet.refresh(&refresh).await.expect(200);
        fleet.refresh(&refresh).await.refused(401, "TOKEN_INVALID");
        let reset = admin.post(&format!("admin/users/{id}/password-reset"), &json!({})).await;
        let body = json!({"token": reset.text("token"), "newPassword": "yet another good one"});
        fleet.client.post("auth/password-reset", &body).await.expect(200);
        for (action, signed_in) in [
            ("auth.password_changed", true),
            ("auth.refresh_reused", false),
            ("auth.password_reset_created", true),
            ("auth.password_reset_used", false),
        ] {
            let (entry, ..) = events.audit(action).await;
            assert_eq!(entry["subjectUserId"], json!(id), "{entry}");
            assert_eq!(entry["actorId"] != "0", signed_in, "{entry}");
            assert!(!entry["requestId"].as_str().unwrap().is_empty(), "{entry}");
            assert!(!entry.to_string().contains("good one"), "{entry}");
        }
    })
    .await;
}

#[tokio::test]
async fn logins_of_staff_are_audited_and_guest_sessions_joined() {
    on_every_database_with_events(&[], async |fleet| {
        let events = &fleet.events;
        let ann = fleet.user("ann").await;
        let id = ann.user();
        let body = |password: &str| json!({"username": "ann", "password": password, "sessionId": "guest-0123456789"});
        fleet.client.post("auth/login", &body("wrong password")).await.refused(401, "INVALID_CREDENTIALS");
        fleet.client.post("auth/login", &body(PASSWORD)).await.expect(200);
        fleet.login_from("10.9.8.7", "admin", ADMIN_PASSWORD).await.expect(200);
        let joined = events.wait_for::<GuestJoined>("userId", id).await;
        assert_eq!(joined["guestSessionId"], "guest-0123456789");
        let (entry, ..) = events.audit("auth.login").await;
        assert_eq!((&entry["address"], &entry["actorId"]), (&json!("10.9.8.7"), &entry["objectId"]));
        assert_eq!((events.all::<GuestJoined>().len(), events.audits("auth.login")), (1, 1));
    })
    .await;
}
