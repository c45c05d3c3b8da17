//! The audit log: recorded, listed, exported.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fenz_contract::events::v1::AuditRecorded;
use fenz_testkit::{Database, Reply, within};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{ADMIN, Fleet, MODERATOR, USER};

fn entry(actor_id: i64, action: &str, object_id: &str, at: DateTime<Utc>) -> AuditRecorded {
    AuditRecorded {
        actor_id,
        action: action.to_owned(),
        object_type: action.split('.').next().unwrap_or_default().to_owned(),
        object_id: object_id.to_owned(),
        before: r#"{"name":"片"}"#.to_owned(),
        request_id: "request-1".to_owned(),
        address: "192.0.2.1".to_owned(),
        occurred_at: Some(at.into()),
        ..AuditRecorded::default()
    }
}

fn ids(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["objectId"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn entries_are_listed_the_newest_first_and_filtered() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        let now = fleet.sandbox.process.clock.now();
        let at = |minutes: i64| now - TimeDelta::minutes(minutes);
        // Out of order.
        fleet.events.publish(entry(ADMIN, "user.hidden", "2", at(2))).await;
        fleet.events.publish(entry(MODERATOR, "video.hidden", "3", at(3))).await;
        fleet.events.publish(entry(0, "auth.login_failed", "a\0b@example.org", at(1))).await;
        let long = "x".repeat(9_000);
        fleet.events.publish(AuditRecorded { after: long, ..entry(ADMIN, "tag.renamed", "4", at(4)) }).await;
        let all = fleet.audit("", 4).await;
        assert_eq!(ids(&all), ["a\u{fffd}b@example.org", "2", "3", "4"]);
        let hidden = &all[1];
        assert_eq!((&hidden["actorId"], &hidden["before"]), (&json!("1"), &json!(r#"{"name":"片"}"#)));
        assert_eq!((&hidden["address"], &hidden["requestId"]), (&json!("192.0.2.1"), &json!("request-1")));
        let cut = all[3]["after"].as_str().unwrap();
        assert!(cut.len() < 8_300 && cut.ends_with("[cut: 9000 bytes in all]"));

        let of = async |query: &str| {
            let entries = fleet.client(ADMIN).get(&format!("admin/audit-logs?{query}")).await.ok("entries");
            ids(entries.as_array().unwrap()).join(" ")
        };
        assert_eq!(of("actorId=1").await, "2 4");
        assert_eq!(of("actorId=0").await, "a\u{fffd}b@example.org");
        assert_eq!(of("action=video.hidden").await, "3");
        assert_eq!(of("objectType=user&objectId=2").await, "2");
        let time = |minutes| at(minutes).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        assert_eq!(of(&format!("from={}&to={}", time(3), time(1))).await, "2 3");
        assert_eq!(of("page=2&pageSize=3").await, "4");
        assert_eq!(of("to=2100-01-01T00:00:00Z&actorId=1").await, "2 4", "{database:?}");
        let page = fleet.client(ADMIN).get("admin/audit-logs?page=9&pageSize=3").await;
        assert_eq!((page.body["total"].as_str(), page.body["entries"].as_array().map(Vec::len)), (Some("4"), Some(0)));
        fleet.client(ADMIN).get("admin/audit-logs?page=101&pageSize=100").await.refused(400, "INVALID_PARAMS");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn the_log_is_for_administrators() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    for path in ["admin/audit-logs", "admin/audit-logs/export", "admin/erasures", "admin/erasures/1"] {
        fleet.client(0).get(path).await.refused(401, "UNAUTHENTICATED");
        for user in [USER, MODERATOR] {
            fleet.client(user).get(path).await.refused(403, "ADMIN_REQUIRED");
        }
    }
    for bad in ["actorId=x", "from=today", "actor=1"] {
        fleet.client(ADMIN).get(&format!("admin/audit-logs/export?{bad}")).await.refused(400, "INVALID_PARAMS");
    }
    let long = "x".repeat(65);
    for (field, value) in [("action", "%00"), ("action", &long), ("objectType", &long), ("objectId", "a%00b")] {
        let reply = fleet.client(ADMIN).get(&format!("admin/audit-logs/export?{field}={value}")).await;
        reply.refused(400, "INVALID_PARAMS");
        assert_eq!(reply.field(), field, "{}", reply.body);
    }
    let posted = fleet.client(ADMIN).request(Method::POST, "/api/v1/admin/audit-logs/export");
    Reply::of(posted).await.refused(405, "METHOD_NOT_ALLOWED");
    fleet.sandbox.stop().await;
}

#[tokio::test]
async fn the_export_has_every_entry_once_the_oldest_first() {
    const ENTRIES: i64 = 1_203;
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        let now = fleet.sandbox.process.clock.now();
        for n in 0..ENTRIES {
            // Many with the same time.
            fleet
                .events
                .publish(entry(1 + n % 2, "user.hidden", &n.to_string(), now - TimeDelta::seconds(100 - n / 20)))
                .await;
        }
        // In the future, so not in the export.
        fleet.events.publish(entry(ADMIN, "user.hidden", "later", now + TimeDelta::hours(1))).await;
        let total = async || fleet.client(ADMIN).get("admin/audit-logs?pageSize=1").await.ok("total");
        let entries = (ENTRIES + 1).to_string();
        within(Duration::from_secs(60), async || total().await == entries).await;
        let reply = fleet.client(ADMIN).request(Method::GET, "/api/v1/admin/audit-logs/export").send().await.unwrap();
        assert_eq!(reply.headers()["content-type"], "application/x-ndjson");
        let text = reply.text().await.unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut numbers: Vec<i64> = ids(&lines).iter().map(|id| id.parse().unwrap()).collect();
        let times: Vec<_> = lines.iter().map(|line| line["createdAt"].as_str().unwrap().to_owned()).collect();
        assert!(times.is_sorted());
        numbers.sort_unstable();
        assert_eq!(numbers, (0..ENTRIES).collect::<Vec<_>>());
        let newest =
            fleet.client(ADMIN).get("admin/audit-logs?actorId=1&page=2&pageSize=1").await.ok("entries")[0].clone();
        assert!(lines.contains(&newest), "a line equals the entry in the list");
        let some =
            fleet.client(ADMIN).request(Method::GET, "/api/v1/admin/audit-logs/export?actorId=2").send().await.unwrap();
        assert_eq!(some.text().await.unwrap().lines().count() as i64, ENTRIES / 2);
        fleet.sandbox.stop().await;
    }
}
