//! Security events in the audit log, and guests who sign in.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{PASSWORD, everywhere_heard};

#[tokio::test]
async fn failed_logins_are_told_by_name_and_address() {
    everywhere_heard(&[("failure_report_interval", "1s"), ("throttle.free_failures", "50")], async |fleet| {
        let (ear, ann) = (fleet.ear(), fleet.register("ann").await.is(200));
        for (address, name, times) in
            [("10.0.0.1", "ann", 3), ("10.0.0.2", "ann", 1), ("10.0.0.1", "Nobody \u{1f600}", 2)]
        {
            let tries = (0..times).map(|_| fleet.login_from(address, name, "wrong password"));
            for reply in futures::future::join_all(tries).await {
                reply.refuses(401, "INVALID_CREDENTIALS");
            }
        }
        // The right password takes nothing back.
        fleet.login_from("10.0.0.1", "ann", PASSWORD).await.is(200);
        let told = |name: &str, address: &str| {
            let entries = ear.all("recorded").into_iter().filter(|entry| {
                entry["action"] == "auth.login_failed" && entry["objectId"] == name && entry["address"] == address
            });
            let entries: Vec<Value> = entries.collect();
            let after = |entry: &Value| serde_json::from_str::<Value>(entry["after"].as_str().unwrap()).unwrap();
            (entries.iter().map(|entry| after(entry)["failures"].as_i64().unwrap()).sum::<i64>(), entries)
        };
        for (name, address, failures) in
            [("ann", "10.0.0.1", 3), ("ann", "10.0.0.2", 1), ("Nobody \u{1f600}", "10.0.0.1", 2)]
        {
            for _ in 0..200 {
                if told(name, address).0 >= failures {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            let (sum, entries) = told(name, address);
            assert_eq!(sum, failures, "{entries:?}");
            // All at once, or in two where the job came between.
            assert!(entries.len() <= 2, "{entries:?}");
            let about = if name == "ann" { ann.body["user"]["id"].clone() } else { json!("0") };
            assert_eq!((&entries[0]["objectType"], &entries[0]["actorId"]), (&json!("login"), &json!("0")));
            assert_eq!(entries[0]["subjectUserId"], about);
        }
        assert_eq!(fleet.count("unreported_failures").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_concerns_security_is_told() {
    everywhere_heard(&[], async |fleet| {
        let (admin, ear) = (fleet.admin_token().await, fleet.ear());
        let (id, ann, refresh) = fleet.account(&admin, "ann", "user").await;
        let body = json!({"currentPassword": PASSWORD, "newPassword": "another good one"});
        fleet.as_user(&ann, Method::PUT, "user/password", body).await.is(200);
        fleet.refresh(&refresh).await.is(200);
        fleet.refresh(&refresh).await.refuses(401, "TOKEN_INVALID");
        let reset =
            fleet.as_user(&admin, Method::POST, &format!("admin/users/{id}/password-reset"), json!({})).await.is(200);
        let body = json!({"token": reset.text("token"), "newPassword": "yet another good one"});
        fleet.post("auth/password-reset", body).await.is(200);
        for (action, signed_in) in [
            ("auth.password_changed", true),
            ("auth.refresh_reused", false),
            ("auth.password_reset_created", true),
            ("auth.password_reset_used", false),
        ] {
            let (entry, ..) = ear.audit(action).await;
            assert_eq!(entry["subjectUserId"], json!(id), "{entry}");
            assert_eq!(entry["actorId"] != "0", signed_in, "{entry}");
            assert!(!entry["requestId"].as_str().unwrap().is_empty(), "{entry}");
            assert!(!entry.to_string().contains("good one"), "{entry}");
        }
    })
    .await;
}

#[tokio::test]
async fn logins_of_those_with_a_role_are_told_and_guests_who_join() {
    everywhere_heard(&[], async |fleet| {
        let ear = fleet.ear();
        let ann = fleet.register("ann").await.is(200);
        let id = ann.body["user"]["id"].as_str().unwrap();
        let body = |password: &str| json!({"username": "ann", "password": password, "sessionId": "guest-0123456789"});
        fleet.post("auth/login", body("wrong password")).await.refuses(401, "INVALID_CREDENTIALS");
        fleet.post("auth/login", body(PASSWORD)).await.is(200);
        fleet.login_from("10.9.8.7", "admin", crate::fleet::ADMIN_PASSWORD).await.is(200);
        let joined = ear.of("guest_joined", "userId", id).await;
        assert_eq!(joined["guestSessionId"], "guest-0123456789");
        let (entry, ..) = ear.audit("auth.login").await;
        assert_eq!((&entry["address"], &entry["actorId"]), (&json!("10.9.8.7"), &entry["objectId"]));
        assert_eq!((ear.all("guest_joined").len(), ear.audits("auth.login")), (1, 1));
    })
    .await;
}
