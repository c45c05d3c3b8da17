//! At least one administrator can sign in.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{ADMIN_PASSWORD, Fleet, PASSWORD, Reply, on_every_database};

async fn delete_self(fleet: &Fleet, token: &str, password: &str) -> Reply {
    fleet.as_user(token, Method::DELETE, "user/account", json!({"password": password})).await
}

async fn admin_id(fleet: &Fleet, token: &str) -> String {
    fleet.get(token, "user/me").await.is(200).body["user"]["id"].as_str().unwrap().to_owned()
}

const ACTIVE: &str = "users WHERE role = 'admin' AND hidden_reasons = 0 AND banned_until IS NULL";

#[tokio::test]
async fn the_last_administrator_cannot_be_removed_and_nobody_removes_themselves() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin_token().await;
        let own = admin_id(&fleet, &admin).await;
        let path = format!("admin/users/{own}");
        fleet.as_user(&admin, Method::DELETE, &path, Value::Null).await.refuses(403, "CANNOT_DELETE_SELF");
        let demoted = fleet.as_user(&admin, Method::PUT, &path, json!({"role": "user"})).await;
        demoted.refuses(403, "PERMISSION_DENIED");
        fleet.as_user(&admin, Method::PUT, "user/account/hide", json!({})).await.refuses(400, "LAST_ADMIN");
        delete_self(&fleet, &admin, ADMIN_PASSWORD).await.refuses(400, "LAST_ADMIN");
        // Those who cannot sign in do not count.
        for what in ["hide", "ban"] {
            let (id, ..) = fleet.account(&admin, &format!("admin_{what}"), "admin").await;
            fleet.as_user(&admin, Method::PUT, &format!("admin/users/{id}/{what}"), json!({})).await.is(200);
        }
        fleet.as_user(&admin, Method::PUT, "user/account/hide", json!({})).await.refuses(400, "LAST_ADMIN");
        delete_self(&fleet, &admin, ADMIN_PASSWORD).await.refuses(400, "LAST_ADMIN");
        let (_, boss, _) = fleet.account(&admin, "boss", "admin").await;
        delete_self(&fleet, &admin, ADMIN_PASSWORD).await.is(200);
        delete_self(&fleet, &boss, PASSWORD).await.refuses(400, "LAST_ADMIN");
        assert_eq!(fleet.count(ACTIVE).await, 1);
    })
    .await;
}

/// One of the ways to remove another administrator, or oneself.
async fn remove(fleet: &Fleet, way: usize, token: &str, other: &str, password: &str) -> Reply {
    let path = format!("admin/users/{other}");
    match way {
        0 => fleet.as_user(token, Method::PUT, &path, json!({"role": "user"})).await,
        1 => fleet.as_user(token, Method::DELETE, &path, Value::Null).await,
        2 => fleet.as_user(token, Method::PUT, &format!("{path}/hide"), json!({})).await,
        3 => fleet.as_user(token, Method::PUT, &format!("{path}/ban"), json!({})).await,
        4 => fleet.as_user(token, Method::PUT, "user/account/hide", json!({})).await,
        _ => delete_self(fleet, token, password).await,
    }
}

#[tokio::test]
async fn of_two_administrators_who_concurrently_remove_each_other_one_remains() {
    on_every_database(&[], async |fleet| {
        // Each way separately, then all at once.
        for round in 0..7 {
            let admin = fleet.admin_token().await;
            let own = admin_id(&fleet, &admin).await;
            let (boss_id, boss, _) = fleet.account(&admin, &format!("boss{round}"), "admin").await;
            let tries = (0..50).map(|i| {
                let (fleet, admin, boss, own, boss_id) = (&fleet, &admin, &boss, &own, &boss_id);
                let way = if round < 6 { round } else { i / 2 % 6 };
                async move {
                    if i % 2 == 0 {
                        remove(fleet, way, admin, boss_id, ADMIN_PASSWORD).await
                    } else {
                        remove(fleet, way, boss, own, PASSWORD).await
                    }
                }
            });
            let replies = join_all(tries).await;
            let expected =
                |r: &Reply| r.status == 200 || ["LAST_ADMIN", "TOKEN_INVALID", "USER_NOT_FOUND"].contains(&r.reason());
            for reply in &replies {
                assert!(expected(reply), "round {round}: {reply:?}");
            }
            assert_eq!(fleet.count(ACTIVE).await, 1, "round {round}");
            assert!(replies.iter().any(|r| r.status == 200), "round {round}");
            reset_administrators(&fleet).await;
        }
    })
    .await;
}

/// Leaves one administrator with the initial name and password.
async fn reset_administrators(fleet: &Fleet) {
    fleet.sql("UPDATE users SET hidden_reasons = 0, banned_until = NULL").await;
    if fleet.count("users WHERE username = 'admin'").await == 1 {
        fleet.sql("UPDATE users SET role = 'admin' WHERE username = 'admin'").await;
        fleet.sql("DELETE FROM users WHERE username <> 'admin'").await;
    } else {
        fleet.sql("UPDATE users SET username = 'admin', username_key = 'admin' WHERE role = 'admin'").await;
        let reset = bcrypt::hash(ADMIN_PASSWORD, 4).unwrap();
        fleet.sql(&format!("UPDATE users SET password_hash = '{reset}' WHERE username = 'admin'")).await;
    }
}
