//! Reports: made, worked on, closed.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::DateTime;
use fenz_chassis::{Error, Reason};
use fenz_testkit::Database;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fleet::{ADMIN, Fleet, MODERATOR, OTHER, OWNER, USER, heard, send, until};

/// Another moderator.
const SECOND: i64 = 3;

async fn fleet(database: Database) -> Fleet {
    let fleet = Fleet::start(database, &[]).await;
    fleet.world.video(51, OWNER, "片");
    fleet.world.channel(OWNER, "Channel");
    fleet
}

/// Whose token it is.
fn subject(token: &str) -> String {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a payload")).expect("base64");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    claims["sub"].as_str().expect("a subject").to_owned()
}

async fn reported(fleet: &Fleet, kind: &str, id: i64) -> String {
    let report = fleet.report(kind, id, USER).await.of("report");
    format!("admin/reports/{}", report["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn what_can_be_seen_and_is_not_ones_own_can_be_reported() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        fleet.world.video(52, OWNER, "hidden");
        fleet.world.state().videos.get_mut(&52).unwrap().is_hidden = true;
        let report = fleet.report("video", 51, USER).await.of("report");
        assert_eq!((&report["objectTitle"], &report["reportedUserId"]), (&json!("片"), &json!("21")));
        assert_eq!(
            (&report["status"], &report["action"], &report["assigneeId"]),
            (&json!("pending"), &json!(""), &json!("0"))
        );
        fleet.report("video", 51, USER).await.refused(409, "ALREADY_REPORTED");
        fleet.report("video", 51, OTHER).await.of("report");
        fleet.report("channel", OWNER, USER).await.of("report");
        for (kind, id) in [("video", 51), ("video", 52), ("channel", OWNER)] {
            fleet.report(kind, id, OWNER).await.refused(403, "PERMISSION_DENIED");
        }
        fleet.report("video", 52, USER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.report("video", 52, MODERATOR).await.of("report");
        fleet.report("video", 99, USER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.report("channel", 99, USER).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.report("user", 1, USER).await.refused(400, "INVALID_PARAMS");
        fleet.report("video", 51, 0).await.refused(401, "UNAUTHENTICATED");
        fleet.get("admin/reports", USER).await.refused(403, "PERMISSION_DENIED");

        let list = fleet.get("admin/reports", MODERATOR).await;
        assert_eq!(list.body["total"], "4");
        assert_eq!(list.of("reports")[0]["id"], report["id"]);
        for (query, total) in [
            ("status=pending", 4),
            ("status=resolved", 0),
            ("objectType=channel", 1),
            ("assigneeId=0", 4),
            ("assigneeId=2", 0),
        ] {
            let list = fleet.get(&format!("admin/reports?{query}"), MODERATOR).await;
            assert_eq!(list.body["total"], total.to_string(), "{query}");
        }
        fleet.get("admin/reports?page=101&pageSize=100", MODERATOR).await.refused(400, "INVALID_PARAMS");
        fleet.get("admin/reports/9", MODERATOR).await.refused(404, "REPORT_NOT_FOUND");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn many_at_once_make_one_report_and_stay_within_the_limit() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[("admin.max_open_reports", "5")]).await;
        for id in 1..=12 {
            fleet.world.video(id, OWNER, "v");
        }
        let same = join_all((0..8).map(|_| fleet.report("video", 1, USER))).await;
        let count = |replies: &[crate::fleet::Reply], status| replies.iter().filter(|r| r.status == status).count();
        assert_eq!((count(&same, 200), count(&same, 409)), (1, 7));
        let many = join_all((2..=12).map(|id| fleet.report("video", id, USER))).await;
        assert_eq!((count(&many, 200), count(&many, 429)), (4, 7));
        many.iter().find(|reply| reply.status == 429).unwrap().refused(429, "RATE_LIMITED");
        // A closed one makes room, and may be made again.
        let first = same.into_iter().find(|reply| reply.status == 200).unwrap().of("report");
        let path = format!("admin/reports/{}", first["id"].as_str().unwrap());
        fleet.put(&path, json!({"status": "dismissed"}), MODERATOR).await.of("report");
        fleet.report("video", 1, USER).await.of("report");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_report_is_worked_on_and_closed_once() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        let path = reported(&fleet, "video", 51).await;
        let put = async |body: Value| fleet.put(&path, body, MODERATOR).await;
        let taken = put(json!({"assigneeId": "2", "status": "reviewed"})).await.of("report");
        assert_eq!((&taken["assigneeId"], &taken["status"]), (&json!("2"), &json!("reviewed")));
        put(json!({"status": "pending"})).await.of("report");
        put(json!({"note": "for the file"})).await.of("report");
        assert_eq!(put(json!({})).await.of("report")["note"], "for the file");
        for bad in [
            json!({"action": "hide"}),
            json!({"status": "dismissed", "action": "hide"}),
            json!({"status": "resolved", "action": "hide", "banUntil": "2100-01-01T00:00:00Z"}),
            json!({"status": "resolved", "action": "ban", "banUntil": "2000-01-01T00:00:00Z"}),
            json!({"status": "closed"}),
        ] {
            put(bad).await.refused(400, "INVALID_PARAMS");
        }
        let closed = put(json!({"status": "resolved", "action": "warn", "note": "No spam."})).await.of("report");
        assert_eq!((&closed["status"], &closed["action"]), (&json!("resolved"), &json!("warn")));
        for again in
            [json!({"status": "resolved", "action": "warn"}), json!({"status": "pending"}), json!({"note": "x"})]
        {
            put(again).await.refused(400, "REPORT_CLOSED");
        }
        let mut told = heard(&fleet.heard.moderated, 2).await;
        told.sort_by_key(|told| told.user_id);
        let words: Vec<_> =
            told.iter().map(|t| (t.user_id, t.outcome.as_str(), t.text.as_str(), t.object_id)).collect();
        assert_eq!(words, [(USER, "report_resolved", "No spam.", 51), (OWNER, "warned", "No spam.", 51)]);
        assert_eq!(told[0].object_title, "片");
        for action in ["assigned", "reviewed", "reopened", "noted", "resolved"] {
            let entries = fleet.audit(&format!("action=report.{action}"), 1).await;
            assert_eq!((&entries[0]["actorId"], &entries[0]["objectType"]), (&json!("2"), &json!("report")));
        }
        let resolved = fleet.audit("action=report.resolved", 1).await.remove(0);
        assert!(resolved["before"].as_str().unwrap().contains("pending") && resolved["requestId"] != "");
        fleet.put("admin/reports/9", json!({}), MODERATOR).await.refused(404, "REPORT_NOT_FOUND");
        fleet.put(&path, json!({}), USER).await.refused(403, "PERMISSION_DENIED");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_report_is_assigned_to_moderators_alone() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        let path = reported(&fleet, "video", 51).await;
        fleet.world.state().users.extend([
            (SECOND, ("moderator", true)),
            (4, ("moderator", false)),
            (ADMIN, ("admin", true)),
            (USER, ("user", true)),
        ]);
        let assign = async |to: i64| fleet.put(&path, json!({"assigneeId": to.to_string()}), MODERATOR).await;
        let before = fleet.get(&path, MODERATOR).await.of("report");
        for nobody in [4, USER, 99] {
            let refused = assign(nobody).await;
            refused.refused(400, "INVALID_PARAMS");
            assert!(refused.body.to_string().contains(r#""field":"assigneeId""#), "{}", refused.body);
            // Nor with something else in the same breath.
            let both = json!({"assigneeId": nobody.to_string(), "status": "resolved", "action": "hide"});
            fleet.put(&path, both, MODERATOR).await.refused(400, "INVALID_PARAMS");
        }
        fleet.world.state().away = Some(tonic::Status::unavailable("away"));
        assign(SECOND).await.refused(503, "UNAVAILABLE");
        assert_eq!(fleet.get(&path, MODERATOR).await.of("report"), before);
        assert!(fleet.world.state().done.is_empty());
        // Oneself and nobody need no question.
        for to in [MODERATOR, 0] {
            assert_eq!(assign(to).await.of("report")["assigneeId"], to.to_string());
        }
        fleet.world.state().away = None;
        for to in [SECOND, ADMIN] {
            assert_eq!(assign(to).await.of("report")["assigneeId"], to.to_string());
        }
        fleet.audit("action=report.assigned", 4).await;
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn actions_are_carried_out_on_the_moderators_behalf() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        // Later than MariaDB's TIMESTAMP knows.
        let until = DateTime::parse_from_rfc3339("2040-01-01T00:00:00Z").unwrap();
        let resolve = |action: &str| json!({"status": "resolved", "action": action, "note": "why"});
        let mut ban = resolve("ban");
        ban["banUntil"] = json!(until.to_rfc3339());
        let expected = format!("ban 21 for {}: why", until.timestamp());
        for (kind, id, body, expected) in [
            ("video", 51, resolve("hide"), "hide video 51: why"),
            ("channel", OWNER, resolve("hide"), "hide channel 21"),
            ("channel", OWNER, ban, expected.as_str()),
            ("channel", OWNER, resolve("ban"), "ban 21 for ever: why"),
        ] {
            let path = reported(&fleet, kind, id).await;
            // What fails changes nothing, and can be tried again at once.
            let before = fleet.get(&path, MODERATOR).await.of("report");
            let refusal = Error::new(Reason::PermissionDenied, "a moderator does not ban a moderator");
            fleet.world.state().refusal = Some(refusal.into());
            fleet.put(&path, body.clone(), MODERATOR).await.refused(403, "PERMISSION_DENIED");
            fleet.world.state().refusal = Some(tonic::Status::unavailable("away"));
            fleet.put(&path, body.clone(), MODERATOR).await.refused(503, "UNAVAILABLE");
            assert_eq!(fleet.get(&path, MODERATOR).await.of("report"), before);
            fleet.world.state().refusal = None;

            let put = fleet.request(Method::PUT, &path, MODERATOR).header("x-fenz-client-address", "192.0.2.9");
            send(put.json(&body)).await.of("report");
            let closed = fleet.get(&path, MODERATOR).await.of("report");
            assert_eq!((&closed["action"], &closed["banUntil"]), (&body["action"], &body["banUntil"]), "{database:?}");
            let (done, by, from) = fleet.world.state().done.pop().unwrap();
            assert_eq!((done.as_str(), from.as_str()), (expected, "192.0.2.9"));
            assert_eq!(subject(by.strip_prefix("Bearer ").unwrap()), MODERATOR.to_string());
        }
        // Of each the reporter hears; the owner hears from who did it.
        let told = heard(&fleet.heard.moderated, 4).await;
        assert!(told.iter().all(|told| (told.user_id, told.outcome.as_str()) == (USER, "report_resolved")));
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn nobody_decides_otherwise_while_an_action_is_under_way() {
    for database in Database::available() {
        let fleet = fleet(database).await;
        let path = reported(&fleet, "video", 51).await;
        let gate = Arc::new(Notify::new());
        fleet.world.state().gate = Some(gate.clone());
        let hide = fleet.put(&path, json!({"status": "resolved", "action": "hide"}), MODERATOR);
        let dismiss = async {
            until(|| fleet.world.state().done.len() == 1).await;
            fleet.put(&path, json!({"status": "dismissed"}), SECOND).await.refused(503, "UNAVAILABLE");
            fleet.put(&path, json!({"status": "resolved", "action": "ban"}), ADMIN).await.refused(503, "UNAVAILABLE");
            gate.notify_one();
        };
        let (hidden, ()) = tokio::join!(hide, dismiss);
        assert_eq!(hidden.of("report")["action"], "hide");
        assert_eq!(fleet.world.state().done.len(), 1);
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn nobody_closes_a_report_about_themselves() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    fleet.world.video(61, MODERATOR, "a moderator's");
    let path = reported(&fleet, "video", 61).await;
    for body in [json!({"status": "resolved", "action": "hide"}), json!({"status": "dismissed"})] {
        fleet.put(&path, body, MODERATOR).await.refused(403, "PERMISSION_DENIED");
    }
    assert!(fleet.world.state().done.is_empty());
    fleet.put(&path, json!({"status": "resolved"}), SECOND).await.of("report");
    fleet.sandbox.stop().await;
}
