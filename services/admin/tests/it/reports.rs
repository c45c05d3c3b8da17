//! Reports: created, changed, closed.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::DateTime;
use fenz_contract::events::v1::UserModerated;
use fenz_core::Reason;
use fenz_testkit::{Database, Reply, eventually, id};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fleet::{ADMIN, Fleet, MODERATOR, OTHER, OWNER, USER};

/// Another moderator.
const SECOND: i64 = 3;

async fn fleet(database: Database) -> Fleet {
    let fleet = Fleet::start(database, &[]).await;
    fleet.services.video(51, OWNER, "片");
    fleet.services.channel(OWNER, "Channel");
    fleet
}

/// The `sub` claim of a token.
fn subject(token: &str) -> String {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a payload")).expect("base64");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    claims["sub"].as_str().expect("a subject").to_owned()
}

async fn report_path(fleet: &Fleet, kind: &str, id: i64) -> String {
    format!("admin/reports/{}", fleet.report(kind, id, USER).await.id("report"))
}

#[tokio::test]
async fn visible_objects_of_others_can_be_reported() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        fleet.services.video(52, OWNER, "hidden");
        fleet.services.state().videos.get_mut(&52).unwrap().is_hidden = true;
        let report = fleet.report("video", 51, USER).await.ok("report");
        assert_eq!((&report["objectTitle"], &report["reportedUserId"]), (&json!("片"), &json!("21")));
        assert_eq!(
            (&report["status"], &report["action"], &report["assigneeId"]),
            (&json!("pending"), &json!(""), &json!("0"))
        );
        fleet.report("video", 51, USER).await.refused(409, "ALREADY_REPORTED");
        fleet.report("video", 51, OTHER).await.ok("report");
        fleet.report("channel", OWNER, USER).await.ok("report");
        for (kind, id) in [("video", 51), ("video", 52), ("channel", OWNER)] {
            fleet.report(kind, id, OWNER).await.refused(403, "PERMISSION_DENIED");
        }
        fleet.report("video", 52, USER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.report("video", 52, MODERATOR).await.ok("report");
        fleet.report("video", 99, USER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.report("channel", 99, USER).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.report("user", 1, USER).await.refused(400, "INVALID_PARAMS");
        fleet.report("video", 51, 0).await.refused(401, "UNAUTHENTICATED");
        fleet.client(USER).get("admin/reports").await.refused(403, "PERMISSION_DENIED");

        let list = fleet.client(MODERATOR).get("admin/reports").await;
        assert_eq!(list.body["total"], "4");
        assert_eq!(list.ok("reports")[0]["id"], report["id"]);
        for (query, total) in [
            ("status=pending", 4),
            ("status=resolved", 0),
            ("objectType=channel", 1),
            ("assigneeId=0", 4),
            ("assigneeId=2", 0),
        ] {
            let list = fleet.client(MODERATOR).get(&format!("admin/reports?{query}")).await;
            assert_eq!(list.body["total"], total.to_string(), "{query}");
        }
        fleet.client(MODERATOR).get("admin/reports?page=101&pageSize=100").await.refused(400, "INVALID_PARAMS");
        fleet.client(MODERATOR).get("admin/reports/9").await.refused(404, "REPORT_NOT_FOUND");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn concurrent_reports_create_no_duplicates_and_respect_the_limit() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[("admin.max_open_reports", "5")]).await;
        for id in 1..=12 {
            fleet.services.video(id, OWNER, "v");
        }
        let same = join_all((0..8).map(|_| fleet.report("video", 1, USER))).await;
        let count = |replies: &[Reply], status| replies.iter().filter(|r| r.status == status).count();
        assert_eq!((count(&same, 200), count(&same, 409)), (1, 7));
        let many = join_all((2..=12).map(|id| fleet.report("video", id, USER))).await;
        assert_eq!((count(&many, 200), count(&many, 429)), (4, 7));
        many.iter().find(|reply| reply.status == 429).unwrap().refused(429, "RATE_LIMITED");
        // A closed report does not count, and the object can be reported again.
        let first = same.into_iter().find(|reply| reply.status == 200).unwrap().ok("report");
        let path = format!("admin/reports/{}", id(&first));
        fleet.client(MODERATOR).put(&path, &json!({"status": "dismissed"})).await.ok("report");
        fleet.report("video", 1, USER).await.ok("report");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_report_is_changed_while_open_and_closed_once() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        let path = report_path(&fleet, "video", 51).await;
        let put = async |body: Value| fleet.client(MODERATOR).put(&path, &body).await;
        let taken = put(json!({"assigneeId": "2", "status": "reviewed"})).await.ok("report");
        assert_eq!((&taken["assigneeId"], &taken["status"]), (&json!("2"), &json!("reviewed")));
        put(json!({"status": "pending"})).await.ok("report");
        put(json!({"note": "for the file"})).await.ok("report");
        assert_eq!(put(json!({})).await.ok("report")["note"], "for the file");
        for bad in [
            json!({"action": "hide"}),
            json!({"status": "dismissed", "action": "hide"}),
            json!({"status": "resolved", "action": "hide", "banUntil": "2100-01-01T00:00:00Z"}),
            json!({"status": "resolved", "action": "ban", "banUntil": "2000-01-01T00:00:00Z"}),
            json!({"status": "closed"}),
        ] {
            put(bad).await.refused(400, "INVALID_PARAMS");
        }
        let closed = put(json!({"status": "resolved", "action": "warn", "note": "No spam."})).await.ok("report");
        assert_eq!((&closed["status"], &closed["action"]), (&json!("resolved"), &json!("warn")));
        for again in
            [json!({"status": "resolved", "action": "warn"}), json!({"status": "pending"}), json!({"note": "x"})]
        {
            put(again).await.refused(400, "REPORT_CLOSED");
        }
        let mut events = fleet.wait_for_events::<UserModerated>(2).await;
        events.sort_by_key(|event| event.user_id);
        let fields: Vec<_> =
            events.iter().map(|e| (e.user_id, e.outcome.as_str(), e.text.as_str(), e.object_id)).collect();
        assert_eq!(fields, [(USER, "report_resolved", "No spam.", 51), (OWNER, "warned", "No spam.", 51)]);
        assert_eq!(events[0].object_title, "片");
        for action in ["assigned", "reviewed", "reopened", "noted", "resolved"] {
            let entries = fleet.audit(&format!("action=report.{action}"), 1).await;
            assert_eq!((&entries[0]["actorId"], &entries[0]["objectType"]), (&json!("2"), &json!("report")));
        }
        let resolved = fleet.audit("action=report.resolved", 1).await.remove(0);
        assert!(resolved["before"].as_str().unwrap().contains("pending") && resolved["requestId"] != "");
        fleet.client(MODERATOR).put("admin/reports/9", &json!({})).await.refused(404, "REPORT_NOT_FOUND");
        fleet.client(USER).put(&path, &json!({})).await.refused(403, "PERMISSION_DENIED");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn only_moderators_can_be_assigned() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        let path = report_path(&fleet, "video", 51).await;
        fleet.services.state().users.extend([
            (SECOND, ("moderator", true)),
            (4, ("moderator", false)),
            (ADMIN, ("admin", true)),
            (USER, ("user", true)),
        ]);
        let assign = async |to: i64| fleet.client(MODERATOR).put(&path, &json!({"assigneeId": to.to_string()})).await;
        let before = fleet.client(MODERATOR).get(&path).await.ok("report");
        for user in [4, USER, 99] {
            let refused = assign(user).await;
            refused.refused(400, "INVALID_PARAMS");
            assert_eq!(refused.field(), "assigneeId", "{}", refused.body);
            // Nor together with another change.
            let both = json!({"assigneeId": user.to_string(), "status": "resolved", "action": "hide"});
            fleet.client(MODERATOR).put(&path, &both).await.refused(400, "INVALID_PARAMS");
        }
        fleet.services.state().role_error = Some(Reason::Unavailable);
        assign(SECOND).await.refused(503, "UNAVAILABLE");
        assert_eq!(fleet.client(MODERATOR).get(&path).await.ok("report"), before);
        assert!(fleet.services.state().actions.is_empty());
        // Assigning oneself or nobody needs no call to auth.
        for to in [MODERATOR, 0] {
            assert_eq!(assign(to).await.ok("report")["assigneeId"], to.to_string());
        }
        fleet.services.state().role_error = None;
        for to in [SECOND, ADMIN] {
            assert_eq!(assign(to).await.ok("report")["assigneeId"], to.to_string());
        }
        fleet.audit("action=report.assigned", 4).await;
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn actions_are_called_with_the_moderators_authorization() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        // After the maximum of MariaDB's TIMESTAMP.
        let until = DateTime::parse_from_rfc3339("2040-01-01T00:00:00Z").unwrap();
        let resolve = |action: &str| json!({"status": "resolved", "action": action, "note": "why"});
        let mut ban = resolve("ban");
        ban["banUntil"] = json!(until.to_rfc3339());
        let expected = format!("ban 21 until {}: why", until.timestamp());
        for (kind, id, body, expected) in [
            ("video", 51, resolve("hide"), "hide video 51: why"),
            ("channel", OWNER, resolve("hide"), "hide channel 21"),
            ("channel", OWNER, ban, expected.as_str()),
            ("channel", OWNER, resolve("ban"), "ban 21 permanently: why"),
        ] {
            let path = report_path(&fleet, kind, id).await;
            // A failure changes nothing, and can be retried at once.
            let before = fleet.client(MODERATOR).get(&path).await.ok("report");
            fleet.services.state().action_error = Some(Reason::PermissionDenied);
            fleet.client(MODERATOR).put(&path, &body).await.refused(403, "PERMISSION_DENIED");
            fleet.services.state().action_error = Some(Reason::Unavailable);
            fleet.client(MODERATOR).put(&path, &body).await.refused(503, "UNAVAILABLE");
            assert_eq!(fleet.client(MODERATOR).get(&path).await.ok("report"), before);
            fleet.services.state().action_error = None;

            let put = fleet
                .client(MODERATOR)
                .request(Method::PUT, &format!("/api/v1/{path}"))
                .header("x-fenz-client-address", "192.0.2.9");
            Reply::of(put.json(&body)).await.ok("report");
            let closed = fleet.client(MODERATOR).get(&path).await.ok("report");
            assert_eq!((&closed["action"], &closed["banUntil"]), (&body["action"], &body["banUntil"]), "{database:?}");
            let (action, authorization, address) = fleet.services.state().actions.pop().unwrap();
            assert_eq!((action.as_str(), address.as_str()), (expected, "192.0.2.9"));
            assert_eq!(subject(authorization.strip_prefix("Bearer ").unwrap()), MODERATOR.to_string());
        }
        // Admin informs only the reporter; the service of the action informs the owner.
        let events = fleet.wait_for_events::<UserModerated>(4).await;
        assert!(events.iter().all(|event| (event.user_id, event.outcome.as_str()) == (USER, "report_resolved")));
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_report_cannot_be_closed_twice_during_an_action() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        let path = report_path(&fleet, "video", 51).await;
        let gate = Arc::new(Notify::new());
        fleet.services.state().action_gate = Some(gate.clone());
        let (moderator, body) = (fleet.client(MODERATOR), json!({"status": "resolved", "action": "hide"}));
        let hide = moderator.put(&path, &body);
        let dismiss = async {
            eventually(async || fleet.services.state().actions.len() == 1).await;
            fleet.client(SECOND).put(&path, &json!({"status": "dismissed"})).await.refused(503, "UNAVAILABLE");
            fleet
                .client(ADMIN)
                .put(&path, &json!({"status": "resolved", "action": "ban"}))
                .await
                .refused(503, "UNAVAILABLE");
            gate.notify_one();
        };
        let (hidden, ()) = tokio::join!(hide, dismiss);
        assert_eq!(hidden.ok("report")["action"], "hide");
        assert_eq!(fleet.services.state().actions.len(), 1);
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn nobody_closes_a_report_about_themselves() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    fleet.services.video(61, MODERATOR, "a moderator's");
    let path = report_path(&fleet, "video", 61).await;
    for body in [json!({"status": "resolved", "action": "hide"}), json!({"status": "dismissed"})] {
        fleet.client(MODERATOR).put(&path, &body).await.refused(403, "PERMISSION_DENIED");
    }
    assert!(fleet.services.state().actions.is_empty());
    fleet.client(SECOND).put(&path, &json!({"status": "resolved"})).await.ok("report");
    fleet.sandbox.stop().await;
}
