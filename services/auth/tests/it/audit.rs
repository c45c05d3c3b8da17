//! Security events in the audit log, and guests who sign in.

use fenz_contract::events::v1::{AuditRecorded, GuestJoined};
use fenz_testkit::{PASSWORD, eventually};
use serde_json::{Value, json};

use crate::fleet::{ADMIN_PASSWORD, on_every_database_with_events};

#[tokio::test]
async fn failed_logins_are_reported_by_name_and_address() {
    on_every_database_with_events(
        &[("failure_report_interval", "1s"), ("throttle.free_failures", "50")],
        async |fleet| {
            let (events, ann) = (&fleet.events, fleet.client.register("ann").await);
            for (address, name, times) in
                [("10.0.0.1", "ann", 3), ("10.0.0.2", "ann", 1), ("10.0.0.1", "Nobody \u{1f600}", 2)]
            {
                let tries = (0..times).map(|_| fleet.login_from(address, name, "wrong password"));
                for reply in futures::future::join_all(tries).await {
                    reply.refused(401, "INVALID_CREDENTIALS");
                }
            }
            // A later success does not remove the failures.
            fleet.login_from("10.0.0.1", "ann", PASSWORD).await.expect(200);
            let reported = |name: &str, address: &str| {
                let entries = events.all::<AuditRecorded>().into_iter().filter(|entry| {
                    entry["action"] == "auth.login_failed" && entry["objectId"] == name && entry["address"] == address
                });
                let entries: Vec<Value> = entries.collect();
                let after = |entry: &Value| serde_json::from_str::<Value>(entry["after"].as_str().unwrap()).unwrap();
                (entries.iter().map(|entry| after(entry)["failures"].as_i64().unwrap()).sum::<i64>(), entries)
            };
            for (name, address, failures) in
                [("ann", "10.0.0.1", 3), ("ann", "10.0.0.2", 1), ("Nobody \u{1f600}", "10.0.0.1", 2)]
            {
                eventually(async || reported(name, address).0 >= failures).await;
                let (sum, entries) = reported(name, address);
                assert_eq!(sum, failures, "{entries:?}");
                // One entry, or two when the job ran in between.
                assert!(entries.len() <= 2, "{entries:?}");
                let about = if name == "ann" { ann.ok("user")["id"].clone() } else { json!("0") };
                assert_eq!((&entries[0]["objectType"], &entries[0]["actorId"]), (&json!("login"), &json!("0")));
                assert_eq!(entries[0]["subjectUserId"], about);
            }
            assert_eq!(fleet.sandbox.count("auth", "unreported_failures").await, 0);
        },
    )
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
