//! user/account and DELETE admin/users/{id}: all data of the user is deleted.

use std::time::Duration;

use fenz_auth::Auth;
use fenz_contract::{
    auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient},
    events::v1::{SessionsEnded, UserDeleted, UserErased, UserModerated, UserUpdated},
};
use fenz_testkit::{Client, PASSWORD, PNG, Reply, eventually};
use reqwest::Method;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::fleet::{Fleet, on_every_database_with_events, on_every_database_with_media};

async fn delete(user: &Client, password: &str) -> Reply {
    user.send(Method::DELETE, "user/account", &json!({"password": password})).await
}

/// The columns of auth's database that contain one of the texts, except the record
/// of the erasure.
pub async fn mentions(fleet: &Fleet, texts: &[&str]) -> Vec<String> {
    let db = fleet.sandbox.database("auth").await;
    let backend = db.get_database_backend();
    let columns = match backend {
        DbBackend::Sqlite => {
            "SELECT m.name AS t, p.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'"
        }
        DbBackend::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS t, CAST(column_name AS TEXT) AS c FROM information_schema.columns \
             WHERE table_schema = current_schema()"
        }
        _ => "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE()",
    };
    let kind = if backend == DbBackend::MySql { "CHAR" } else { "TEXT" };
    let mut found = Vec::new();
    let rows = db.query_all_raw(Statement::from_string(backend, columns)).await.unwrap();
    assert!(rows.len() > 60, "{} columns", rows.len());
    for row in rows {
        let (table, column): (String, String) = (row.try_get("", "t").unwrap(), row.try_get("", "c").unwrap());
        if table == "erased_users" {
            continue;
        }
        for text in texts {
            let quoted = if backend == DbBackend::MySql { format!("`{column}`") } else { format!("\"{column}\"") };
            let count = fleet
                .sandbox
                .count("auth", &format!("{table} WHERE LOWER(CAST({quoted} AS {kind})) LIKE '%{text}%'"))
                .await;
            if count > 0 {
                found.push(format!("{count} of {table}.{column} with {text}"));
            }
        }
    }
    found
}

async fn wait_until_unmentioned(fleet: &Fleet, texts: &[&str]) {
    eventually(async || mentions(fleet, texts).await.is_empty()).await;
}

#[tokio::test]
async fn a_deleted_account_leaves_no_rows() {
    on_every_database_with_media(async |fleet| {
        let events = &fleet.events;
        let admin = fleet.admin().await;
        let (id, ann, refresh) = fleet.account(&admin, "annette", "user").await;
        let second = fleet.client.login("annette", PASSWORD).await;
        // Rows in every table.
        let change = json!({"email": "annette.b@example.com", "password": PASSWORD});
        ann.put("user/email", &change).await.expect(200);
        admin.post(&format!("admin/users/{id}/password-reset"), &json!({})).await.expect(200);
        let media = fleet.sandbox.client("media", 0).signed_in(&second);
        let upload = media.upload("image", PNG).await.ok("upload")["id"].clone();
        let avatar = ann.put("user/avatar", &json!({"uploadId": upload})).await.ok("user")["avatarUrl"].clone();
        let avatar = avatar.as_str().unwrap();
        assert_eq!(media.status(avatar).await, 200);
        for name in ["Annette", "annette@example.com"] {
            fleet.login_from("10.0.0.1", name, "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        }
        assert!(mentions(&fleet, &[&id, "annette"]).await.len() > 5);
        assert_eq!(delete(&ann, "wrong password").await.refused(401, "INVALID_CREDENTIALS").field(), "password");
        let deleted = delete(&ann, PASSWORD).await;

        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        delete(&ann, PASSWORD).await.refused(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refused(401, "TOKEN_INVALID");
        fleet.client.signed_in(&second).get("user/me").await.refused(401, "TOKEN_INVALID");
        let event = events.wait_for::<UserDeleted>("userId", id.as_str()).await;
        assert_eq!((&event["erasureId"], &event["version"]), (&deleted.ok("erasureId"), &json!("3")));
        events.wait_for::<SessionsEnded>("userId", id.as_str()).await;
        let (entry, _, after) = events.audit("user.deleted").await;
        assert_eq!((&entry["actorId"], &entry["subjectUserId"]), (&json!(id), &json!(id)));
        assert_eq!(after["erasureId"], deleted.ok("erasureId"));
        assert!(!entry.to_string().contains("annette"), "{entry}");
        // The gateway still gets the ended sessions.
        let mut auth = AuthServiceClient::new(fleet.sandbox.peer("gateway", "auth").unwrap());
        let mut ended_sessions = async || {
            let reply = auth.list_ended_sessions(ListEndedSessionsRequest::default()).await.unwrap().into_inner();
            reply.sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
        };
        assert!(ended_sessions().await.iter().any(|session| session == second.text("sessionId")));
        assert_eq!(ended_sessions().await.len(), 2);

        let erased = events.wait_for::<UserErased>("service", "auth").await;
        assert_eq!((&erased["erasureId"], &erased["userId"]), (&deleted.ok("erasureId"), &json!(id)));
        // Media erases the avatar.
        eventually(async || media.status(avatar).await == 404).await;
        events.wait_for::<UserErased>("service", "media").await;
        wait_until_unmentioned(&fleet, &[&id, "annette"]).await;
        for (table, rows) in [("users", 1), ("sessions", 1), ("one_time_tokens", 0), ("login_failures", 0)] {
            assert_eq!(fleet.sandbox.count("auth", table).await, rows, "{table}");
        }
        fleet.client.login("annette", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
        // The name is available again.
        let new_user = fleet.client.register("annette").await;
        assert_ne!(new_user.ok("user")["id"], json!(id));
        // Admin repeats the event when it has not received the report.
        let repeat = UserDeleted {
            user_id: id.parse().unwrap(),
            erasure_id: deleted.text("erasureId").parse().unwrap(),
            version: 3,
            occurred_at: None,
        };
        events.publish(repeat).await;
        let reports = || events.all::<UserErased>().into_iter().filter(|report| report["service"] == "auth").count();
        eventually(async || reports() == 2).await;
        fleet.client.signed_in(&new_user).get("user/me").await.expect(200);
        wait_until_unmentioned(&fleet, &[&id]).await;
        // All their access tokens have expired.
        fleet.sandbox.process.clock.advance(Duration::from_secs(17 * 60));
        assert!(ended_sessions().await.is_empty());
        fleet.sandbox.start_replica::<Auth>().await.unwrap();
        fleet.wait_for_count("session_ends", 0).await;
    })
    .await;
}

#[tokio::test]
async fn guessing_the_password_of_a_deletion_is_throttled() {
    on_every_database_with_events(&[("throttle.first_wait", "60s")], async |fleet| {
        let ann = fleet.user("ann").await;
        for _ in 0..5 {
            delete(&ann, "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        }
        delete(&ann, PASSWORD).await.refused(429, "RATE_LIMITED");
        fleet.sandbox.process.clock.advance(Duration::from_secs(61));
        // Of concurrent requests one deletes.
        let replies = futures::future::join_all((0..5).map(|_| delete(&ann, PASSWORD))).await;
        assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1, "{replies:?}");
        assert!(replies.iter().all(|r| r.status == 200 || r.reason() == "TOKEN_INVALID"), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn administrators_delete_other_accounts() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        let path = format!("admin/users/{id}");
        let deleted = admin.delete(&path).await;
        admin.delete(&path).await.refused(404, "USER_NOT_FOUND");
        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        events.wait_for::<UserErased>("erasureId", deleted.text("erasureId")).await;
        let (entry, before, _) = events.audit("user.deleted").await;
        assert_eq!((entry["objectId"].as_str(), before), (Some(id.as_str()), json!({"role": "user"})));
        wait_until_unmentioned(&fleet, &[&id]).await;
    })
    .await;
}

#[tokio::test]
async fn hiding_the_own_account_ends_all_sessions_and_is_published() {
    on_every_database_with_events(&[], async |fleet| {
        let (events, ann) = (&fleet.events, fleet.user("ann").await);
        let id = ann.user();
        let hide = async || ann.put("user/account/hide", &json!({})).await;
        hide().await.expect(200);
        hide().await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", PASSWORD).await.refused(403, "USER_HIDDEN");
        assert_eq!(events.wait_for::<UserUpdated>("userId", id).await["isHidden"], true);
        events.wait_for::<SessionsEnded>("userId", id).await;
        assert_eq!(events.audit("user.hidden").await.2, json!({"hiddenReasons": ["self"]}));
        assert!(events.all::<UserModerated>().is_empty());
    })
    .await;
}
