//! user/account and DELETE admin/users/{id}: nothing is left.

use std::time::Duration;

use fenz_contract::{
    auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient},
    events::v1::UserDeleted,
};
use reqwest::Method;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::fleet::{Fleet, PASSWORD, Reply, everywhere_heard};

async fn delete(fleet: &Fleet, token: &str, password: &str) -> Reply {
    fleet.as_user(token, Method::DELETE, "user/account", json!({"password": password})).await
}

/// The rows of auth's database that mention one of the texts, by table; but for
/// the note that the user is erased.
async fn mentions(fleet: &Fleet, texts: &[&str]) -> Vec<String> {
    let db = fleet.db().await;
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
            let count = fleet.count(&format!("{table} WHERE LOWER(CAST({quoted} AS {kind})) LIKE '%{text}%'")).await;
            if count > 0 {
                found.push(format!("{count} of {table}.{column} with {text}"));
            }
        }
    }
    found
}

async fn until_none(fleet: &Fleet, texts: &[&str]) {
    let mut left = Vec::new();
    for _ in 0..100 {
        left = mentions(fleet, texts).await;
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{left:?}");
}

#[tokio::test]
async fn an_account_deletes_itself_and_leaves_nothing() {
    everywhere_heard(&[], async |mut fleet| {
        let ear = fleet.ear();
        let admin = fleet.admin_token().await;
        let (id, ann, refresh) = fleet.account(&admin, "annette", "user").await;
        let second = fleet.login("annette", PASSWORD).await.is(200);
        // Something everywhere.
        fleet.as_user(&ann, Method::PUT, "user/email", json!({"email": "annette.b@example.com"})).await.is(200);
        fleet.as_user(&admin, Method::POST, &format!("admin/users/{id}/password-reset"), json!({})).await.is(200);
        fleet.as_user(&ann, Method::PUT, "user/avatar", json!({"uploadId": "5"})).await.refuses(503, "UNAVAILABLE");
        for name in ["Annette", "annette@example.com"] {
            fleet.login_from("10.0.0.1", name, "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        }
        assert!(mentions(&fleet, &[&id, "annette"]).await.len() > 5);
        assert_eq!(
            delete(&fleet, &ann, "wrong password").await.refuses(401, "INVALID_CREDENTIALS").field(),
            "password"
        );
        let ended = delete(&fleet, &ann, PASSWORD).await.is(200);

        fleet.get(&ann, "user/me").await.refuses(401, "TOKEN_INVALID");
        delete(&fleet, &ann, PASSWORD).await.refuses(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refuses(401, "TOKEN_INVALID");
        fleet.get(second.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        let told = ear.of("deleted", "userId", id.as_str()).await;
        assert_eq!((&told["erasureId"], &told["version"]), (&ended.body["erasureId"], &json!("2")));
        ear.of("sessions_ended", "userId", id.as_str()).await;
        let (entry, _, after) = ear.audit("user.deleted").await;
        assert_eq!((&entry["actorId"], &entry["subjectUserId"]), (&json!(id), &json!(id)));
        assert_eq!(after["erasureId"], ended.body["erasureId"]);
        assert!(!entry.to_string().contains("annette"), "{entry}");
        // The gateway still hears which sessions ended.
        let mut auth = AuthServiceClient::new(fleet.sandbox.peer("gateway", "auth").unwrap());
        let mut known = async || {
            let reply = auth.list_ended_sessions(ListEndedSessionsRequest { after: 0 }).await.unwrap().into_inner();
            reply.sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
        };
        assert!(known().await.iter().any(|session| session == second.text("sessionId")));
        assert_eq!(known().await.len(), 2);

        // Media is away: auth has tried, and waits with its report.
        for _ in 0..200 {
            if fleet.count("media_errands WHERE started").await == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(fleet.count("media_errands WHERE started").await, 1);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(ear.all("erased").is_empty());
        crate::avatar::serve(&crate::avatar::Media::default(), &mut fleet.sandbox);
        fleet.sandbox.process.clock.advance(Duration::from_secs(60));
        let erased = ear.of("erased", "erasureId", ended.text("erasureId")).await;
        assert_eq!((&erased["service"], &erased["userId"]), (&json!("auth"), &json!(id)));
        until_none(&fleet, &[&id, "annette"]).await;
        for (table, rows) in [("users", 1), ("sessions", 1), ("one_time_tokens", 0), ("login_failures", 0)] {
            assert_eq!(fleet.count(table).await, rows, "{table}");
        }
        fleet.login("annette", PASSWORD).await.refuses(401, "INVALID_CREDENTIALS");
        // The name is free, for somebody else.
        let again = fleet.register("annette").await.is(200);
        assert_ne!(again.body["user"]["id"], json!(id));
        // Admin repeats itself when it has not heard.
        let repeat = UserDeleted {
            user_id: id.parse().unwrap(),
            erasure_id: ended.text("erasureId").parse().unwrap(),
            version: 2,
            occurred_at: None,
        };
        ear.tell(&repeat).await;
        for _ in 0..200 {
            if ear.all("erased").len() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(ear.all("erased").len(), 2);
        fleet.get(again.text("accessToken"), "user/me").await.is(200);
        until_none(&fleet, &[&id]).await;
        // No token of theirs is alive any more.
        fleet.sandbox.process.clock.advance(Duration::from_secs(17 * 60));
        assert!(known().await.is_empty());
        fleet.start_again(&[]).await;
        for _ in 0..100 {
            if fleet.count("ended_sessions").await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("ended sessions stay");
    })
    .await;
}

#[tokio::test]
async fn guessing_the_password_of_a_deletion_is_throttled() {
    everywhere_heard(&[], async |fleet| {
        let token = fleet.token_of("ann").await;
        for _ in 0..5 {
            delete(&fleet, &token, "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        }
        delete(&fleet, &token, PASSWORD).await.refuses(429, "RATE_LIMITED");
        fleet.sandbox.process.clock.advance(Duration::from_secs(2));
        // Of many at once one deletes.
        let replies = futures::future::join_all((0..5).map(|_| delete(&fleet, &token, PASSWORD))).await;
        assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1, "{replies:?}");
        assert!(replies.iter().all(|r| r.status == 200 || r.reason() == "TOKEN_INVALID"), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn administrators_delete_others() {
    everywhere_heard(&[], async |fleet| {
        let (admin, ear) = (fleet.admin_token().await, fleet.ear());
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        let path = format!("admin/users/{id}");
        let deleted = fleet.as_user(&admin, Method::DELETE, &path, Value::Null).await.is(200);
        fleet.as_user(&admin, Method::DELETE, &path, Value::Null).await.refuses(404, "USER_NOT_FOUND");
        fleet.get(&ann, "user/me").await.refuses(401, "TOKEN_INVALID");
        ear.of("erased", "erasureId", deleted.text("erasureId")).await;
        let (entry, before, _) = ear.audit("user.deleted").await;
        assert_eq!((entry["objectId"].as_str(), before), (Some(id.as_str()), json!({"role": "user"})));
        until_none(&fleet, &[&id]).await;
    })
    .await;
}

#[tokio::test]
async fn hiding_oneself_ends_all_sessions_and_tells() {
    everywhere_heard(&[], async |fleet| {
        let (ear, ann) = (fleet.ear(), fleet.register("ann").await.is(200));
        let id = ann.body["user"]["id"].as_str().unwrap();
        let hide = async || fleet.as_user(ann.text("accessToken"), Method::PUT, "user/account/hide", json!({})).await;
        hide().await.is(200);
        hide().await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", PASSWORD).await.refuses(403, "USER_HIDDEN");
        assert_eq!(ear.of("updated", "userId", id).await["isHidden"], true);
        ear.of("sessions_ended", "userId", id).await;
        assert_eq!(ear.audit("user.hidden").await.2, json!({"hiddenReasons": ["self"]}));
        assert!(ear.all("moderated").is_empty());
    })
    .await;
}
