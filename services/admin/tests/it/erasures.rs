//! Erasures in all services, and admin's own part.

use std::time::Duration;

use fenz_contract::events::v1::{AuditRecorded, UserDeleted, UserErased, UserModerated};
use fenz_testkit::{Database, eventually, id};
use serde_json::{Value, json};

use crate::fleet::{ADMIN, Fleet, MODERATOR, OTHER, OWNER, USER};

const SERVICES: (&str, &str) = ("admin.erasure_services", "auth,admin,media");

fn request(user_id: i64, erasure_id: i64) -> UserDeleted {
    UserDeleted { user_id, erasure_id, version: 7, occurred_at: None }
}

fn report(user_id: i64, erasure_id: i64, service: &str, removed: i64) -> UserErased {
    UserErased { user_id, erasure_id, service: service.to_owned(), removed, occurred_at: None }
}

fn step(erasure: &Value, service: &str) -> Value {
    let steps = erasure["services"].as_array().expect("steps");
    steps.iter().find(|step| step["service"] == service).cloned().unwrap_or_default()
}

#[tokio::test]
async fn an_erasure_is_done_when_every_service_has_reported() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[SERVICES]).await;
        // A report before the request, and everything twice.
        for _ in 0..2 {
            fleet.events.publish(report(USER, 5, "auth", 3)).await;
        }
        let early = fleet.wait_for_erasure(5, "running").await;
        assert_eq!((&early["userId"], step(&early, "media")["status"].clone()), (&json!("11"), json!("pending")));
        for _ in 0..2 {
            fleet.events.publish(request(USER, 5)).await;
        }
        // Admin publishes its own report too.
        eventually(async || fleet.events.all::<UserErased>().iter().any(|event| event.service == "admin")).await;
        fleet.events.publish(request(OTHER, 6)).await;
        fleet.wait_for_erasure(6, "running").await;
        let running = fleet.client(ADMIN).get("admin/erasures?status=running").await;
        assert_eq!(running.body["total"], "2");
        assert_eq!(running.ok("erasures")[0]["id"], "6");

        fleet.events.publish(report(USER, 5, "media", 4)).await;
        let done = fleet.wait_for_erasure(5, "done").await;
        assert_eq!(step(&done, "media")["removed"], "4");
        assert!(done["doneAt"].is_string() && step(&done, "admin")["doneAt"].is_string());
        assert_eq!(done["attempts"], 1);
        let list = fleet.client(ADMIN).get("admin/erasures?status=done").await;
        assert_eq!((list.body["total"].clone(), list.ok("erasures")[0].clone()), (json!("1"), done));
        fleet.client(ADMIN).get("admin/erasures/9").await.refused(404, "ERASURE_NOT_FOUND");
        fleet.client(ADMIN).get("admin/erasures?status=else").await.refused(400, "INVALID_PARAMS");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn incomplete_erasures_are_published_again_with_growing_delays() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[SERVICES, ("admin.erasure_retry", "300ms")]).await;
        fleet.events.publish(request(USER, 5)).await;
        // The first is the request itself.
        let events = fleet.wait_for_events::<UserDeleted>(3).await;
        assert!(events.iter().all(|event| (event.user_id, event.erasure_id, event.version) == (USER, 5, 7)));
        for service in ["auth", "media"] {
            fleet.events.publish(report(USER, 5, service, 1)).await;
        }
        let done = fleet.wait_for_erasure(5, "done").await;
        let attempts = done["attempts"].as_i64().unwrap() as usize;
        assert!(attempts >= 3, "{done}");
        fleet.wait_for_events::<UserDeleted>(attempts).await;
        fleet.sandbox.process.clock.advance(Duration::from_secs(3600));
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(fleet.events.all::<UserDeleted>().len(), attempts);
        fleet.sandbox.stop().await;
    }
}

fn entry(actor_id: i64, subject_user_id: i64, object_id: &str) -> AuditRecorded {
    AuditRecorded {
        actor_id,
        subject_user_id,
        action: "user.hidden".to_owned(),
        object_type: "user".to_owned(),
        object_id: object_id.to_owned(),
        before: r#"{"displayName":"Ann"}"#.to_owned(),
        after: r#"{"displayName":"Bob"}"#.to_owned(),
        address: "192.0.2.1".to_owned(),
        ..AuditRecorded::default()
    }
}

#[tokio::test]
async fn an_erasure_removes_personal_data_from_the_audit_log() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[SERVICES]).await;
        for entry in [
            entry(USER, 0, "31"),
            entry(ADMIN, USER, "11"),
            entry(0, USER, "ann@example.org"),
            entry(ADMIN, OTHER, "12"),
        ] {
            fleet.events.publish(entry).await;
        }
        fleet.audit("", 4).await;
        fleet.events.publish(request(USER, 5)).await;
        let blanked = fleet.audit("action=audit.blanked", 1).await;
        assert_eq!((&blanked[0]["objectId"], &blanked[0]["after"]), (&json!("11"), &json!(r#"{"entries":3}"#)));
        // Entries by and about them that arrive after the erasure.
        fleet.events.publish(entry(USER, 0, "32")).await;
        fleet.events.publish(entry(ADMIN, USER, "ann@example.org")).await;
        let all = fleet.audit("action=user.hidden", 6).await;
        for entry in &all {
            let personal = ["before", "after", "address"].map(|field| entry[field].as_str().unwrap().len());
            let is_of_another = entry["objectId"] == "12";
            assert_eq!(personal == [0, 0, 0], !is_of_another, "{entry}");
            assert_ne!(entry["objectId"], "ann@example.org");
        }
        assert_eq!(fleet.audit("actorId=11", 2).await.len(), 2);
        // A repeat changes nothing.
        fleet.events.publish(request(USER, 5)).await;
        fleet.wait_for_events::<UserErased>(2).await;
        fleet.audit("action=audit.blanked", 1).await;
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn an_erasure_removes_personal_data_from_reports_by_and_about_the_user() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[SERVICES]).await;
        fleet.services.video(51, OWNER, "mine");
        fleet.services.video(52, OTHER, "theirs");
        let by = fleet.report("video", 52, OWNER).await.id("report");
        let about = fleet.report("video", 51, USER).await.id("report");
        fleet.client(MODERATOR).put(&format!("admin/reports/{by}"), &json!({"assigneeId": "2"})).await.ok("report");
        fleet.events.publish(request(OWNER, 5)).await;
        let own = fleet.wait_for_events::<UserErased>(1).await;
        assert_eq!((own[0].service.as_str(), own[0].user_id), ("admin", OWNER));
        let report = async |id: i64| fleet.client(MODERATOR).get(&format!("admin/reports/{id}")).await.ok("report");
        let by = report(by).await;
        assert_eq!((&by["reporterId"], &by["text"], &by["status"]), (&json!("0"), &json!(""), &json!("pending")));
        assert_eq!((&by["objectTitle"], &by["objectId"]), (&json!("theirs"), &json!("52")));
        let about = report(about).await;
        assert_eq!((&about["objectTitle"], &about["text"]), (&json!(""), &json!("")));
        assert_eq!((&about["status"], &about["reporterId"]), (&json!("dismissed"), &json!("11")));
        let moderated = fleet.wait_for_events::<UserModerated>(1).await;
        assert_eq!((moderated[0].user_id, moderated[0].outcome.as_str()), (USER, "report_dismissed"));
        // A report without a reporter can be closed; no event is published.
        let path = format!("admin/reports/{}", id(&by));
        fleet.client(MODERATOR).put(&path, &json!({"status": "dismissed"})).await.ok("report");
        // Their token has not expired, and content has not deleted their video yet.
        fleet.report("video", 52, OWNER).await.refused(401, "UNAUTHENTICATED");
        fleet.report("video", 51, OTHER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.audit("action=report.dismissed", 2).await;
        assert_eq!(fleet.events.all::<UserModerated>().len(), 1);
        fleet.sandbox.stop().await;
    }
}
