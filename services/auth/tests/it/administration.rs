//! admin/users: list, get, create, update, sessions.

use fenz_contract::events::v1::{SessionsEnded, UserRegistered, UserUpdated};
use fenz_testkit::{Client, PASSWORD};
use serde_json::{Value, json};

use crate::fleet::{on_every_database, on_every_database_with_events, token_part};

async fn names(admin: &Client, query: &str) -> (Vec<String>, String) {
    let list = admin.get(&format!("admin/users?{query}")).await;
    let users = list.ok("users");
    let names = users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned());
    (names.collect(), list.text("total").to_owned())
}

#[tokio::test]
async fn accounts_are_found_by_role_visibility_and_prefix() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin().await;
        for name in ["ann", "anna", "ben", "a_x", "Zoe"] {
            fleet.account(&admin, name, if name == "ben" { "moderator" } else { "user" }).await;
        }
        let (id, ..) = fleet.account(&admin, "dora", "user").await;
        let rename = json!({"displayName": "Ärger 50%"});
        admin.put(&format!("admin/users/{id}"), &rename).await.expect(200);
        admin.put(&format!("admin/users/{id}/hide"), &json!({})).await.expect(200);
        let all = names(&admin, "").await;
        assert_eq!(
            (all.0, all.1.as_str()),
            (["dora", "Zoe", "a_x", "ben", "anna", "ann", "admin"].map(str::to_owned).to_vec(), "7")
        );
        let found = async |query: &str| names(&admin, query).await.0;
        assert_eq!(found("role=moderator").await, ["ben"]);
        assert_eq!(found("isHidden=true").await, ["dora"]);
        assert_eq!(found("isHidden=false&role=user").await.len(), 4);
        assert_eq!(found("search=ANN").await, ["anna", "ann"]);
        assert_eq!(found("search=anna@ex").await, ["anna"]);
        assert_eq!(found("search=zOE").await, ["Zoe"]);
        assert_eq!(found("search=%C3%A4RGER%2050%25").await, ["dora"]);
        assert_eq!(found("search=a_").await, ["a_x"], "no wildcard");
        for nothing in ["search=%25", "search=nn", "search=!a", "search=%5C"] {
            assert!(found(nothing).await.is_empty(), "{nothing}");
        }
        assert_eq!(
            names(&admin, "page=2&pageSize=3").await,
            (["ben", "anna", "ann"].map(str::to_owned).to_vec(), "7".to_owned())
        );
        let deep = admin.get("admin/users?page=101&pageSize=100").await;
        deep.refused(400, "INVALID_PARAMS");
        assert_eq!(deep.field(), "page");
    })
    .await;
}

#[tokio::test]
async fn administrators_create_accounts_while_registration_is_closed() {
    on_every_database_with_events(&[("registration", "closed")], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        fleet.client.register("ann").await.refused(403, "REGISTRATION_CLOSED");
        let (id, ..) = fleet.account(&admin, "ann", "moderator").await;
        let registered = events.wait_for::<UserRegistered>("userId", id.as_str()).await;
        assert_eq!((&registered["username"], &registered["displayName"]), (&json!("ann"), &json!("ann")));
        assert_eq!(events.audit("user.created").await.2, json!({"username": "ann", "role": "moderator"}));
        let create = async |name: &str, email: &str, password: &str| {
            let body = json!({"username": name, "email": email, "password": password});
            admin.post("admin/users", &body).await
        };
        create("ANN", "other@example.com", PASSWORD).await.refused(409, "USERNAME_TAKEN");
        create("other", "ANN@example.com", PASSWORD).await.refused(409, "EMAIL_TAKEN");
        create("other", "other@example.com", "password1").await.refused(400, "PASSWORD_TOO_WEAK");
        let made = create("other", "other@example.com", PASSWORD).await;
        assert_eq!((&made.ok("user")["role"], made.header("etag")), (&json!("user"), "\"1\""));
        let concurrent = futures::future::join_all((0..6).map(|i| {
            let email = format!("same{i}@example.com");
            async move { create("same", &email, PASSWORD).await }
        }));
        let replies = concurrent.await;
        assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1, "{replies:?}");
        assert_eq!(replies.iter().filter(|r| r.reason() == "USERNAME_TAKEN").count(), 5, "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn administrators_change_accounts_and_a_role_change_ends_sessions() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        fleet.account(&admin, "ben", "user").await;
        let path = format!("admin/users/{id}");
        let put = async |body: Value| admin.put(&path, &body).await;
        let seen = admin.get(&path).await;
        assert_eq!((seen.header("etag"), &seen.ok("user")["email"]), ("\"1\"", &json!("ann@example.com")));
        let changes = json!({"displayName": "Ann B."});
        admin.put_if_match(&path, "\"7\"", &changes).await.refused(412, "VERSION_MISMATCH");
        admin.put_if_match(&path, "\"1\"", &changes).await.expect(200);
        put(json!({"displayName": " "})).await.refused(400, "INVALID_PARAMS");
        put(json!({"email": "BEN@example.com"})).await.refused(409, "EMAIL_TAKEN");
        assert_eq!(
            put(json!({"displayName": "Ann B.", "role": "user"})).await.expect(200).header("etag"),
            "\"2\"",
            "nothing new"
        );
        let (_, before, after) = events.audit("user.updated").await;
        assert_eq!((before, after), (json!({"displayName": "ann"}), json!({"displayName": "Ann B."})));
        ann.get("user/me").await.expect(200);
        let promoted = put(json!({"role": "moderator", "email": "a.b@example.com"})).await;
        assert_eq!((promoted.header("etag"), &promoted.ok("user")["role"]), ("\"3\"", &json!("moderator")));
        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        let login = fleet.client.login("a.b@example.com", PASSWORD).await;
        assert_eq!(token_part(login.text("accessToken"), 1)["role"], "moderator");
        let (_, before, after) = events.audit("user.role_changed").await;
        assert_eq!((before, after), (json!({"role": "user"}), json!({"role": "moderator"})));
        assert_eq!(events.wait_for::<UserUpdated>("version", "3").await["role"], "moderator");
        events.wait_for::<SessionsEnded>("userId", id.as_str()).await;
        admin.put("admin/users/4242", &json!({})).await.refused(404, "USER_NOT_FOUND");
        admin.get("admin/users/4242").await.refused(404, "USER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn sessions_of_others_are_ended_and_counted() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        fleet.client.login("ann", PASSWORD).await.expect(200);
        let end = async |id: &str| admin.delete(&format!("admin/users/{id}/sessions")).await;
        assert_eq!(end(&id).await.ok("ended"), 2);
        assert_eq!(end(&id).await.ok("ended"), 0);
        end("4242").await.refused(404, "USER_NOT_FOUND");
        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", PASSWORD).await.expect(200);
        events.wait_for::<SessionsEnded>("userId", id.as_str()).await;
        assert_eq!(events.audit("user.sessions_ended").await.2, json!({"ended": 2}));
        assert_eq!(events.audits("user.sessions_ended"), 1);
    })
    .await;
}
