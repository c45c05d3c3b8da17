//! At least one administrator can sign in.

use fenz_testkit::{Client, PASSWORD, Reply};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::fleet::{ADMIN_PASSWORD, Fleet, on_every_database};

async fn delete_self(user: &Client, password: &str) -> Reply {
    user.send(Method::DELETE, "user/account", &json!({"password": password})).await
}

const ACTIVE: &str = "users WHERE role = 'admin' AND hidden_reasons = 0 AND banned_until IS NULL";

#[tokio::test]
async fn the_last_administrator_cannot_be_removed_and_nobody_removes_themselves() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin().await;
        let own = admin.user().to_owned();
        let path = format!("admin/users/{own}");
        admin.delete(&path).await.refused(403, "CANNOT_DELETE_SELF");
        let demoted = admin.put(&path, &json!({"role": "user"})).await;
        demoted.refused(403, "PERMISSION_DENIED");
        admin.put("user/account/hide", &json!({})).await.refused(400, "LAST_ADMIN");
        delete_self(&admin, ADMIN_PASSWORD).await.refused(400, "LAST_ADMIN");
        // Those who cannot sign in do not count.
        for what in ["hide", "ban"] {
            let (id, ..) = fleet.account(&admin, &format!("admin_{what}"), "admin").await;
            admin.put(&format!("admin/users/{id}/{what}"), &json!({})).await.expect(200);
        }
        admin.put("user/account/hide", &json!({})).await.refused(400, "LAST_ADMIN");
        delete_self(&admin, ADMIN_PASSWORD).await.refused(400, "LAST_ADMIN");
        let (_, boss, _) = fleet.account(&admin, "boss", "admin").await;
        delete_self(&admin, ADMIN_PASSWORD).await.expect(200);
        delete_self(&boss, PASSWORD).await.refused(400, "LAST_ADMIN");
        assert_eq!(fleet.sandbox.count("auth", ACTIVE).await, 1);
    })
    .await;
}

/// One of the ways to remove another administrator, or oneself.
async fn remove(way: usize, user: &Client, other: &str, password: &str) -> Reply {
    let path = format!("admin/users/{other}");
    match way {
        0 => user.put(&path, &json!({"role": "user"})).await,
        1 => user.delete(&path).await,
        2 => user.put(&format!("{path}/hide"), &json!({})).await,
        3 => user.put(&format!("{path}/ban"), &json!({})).await,
        4 => user.put("user/account/hide", &json!({})).await,
        _ => delete_self(user, password).await,
    }
}

#[tokio::test]
async fn of_two_administrators_who_concurrently_remove_each_other_one_remains() {
    on_every_database(&[], async |fleet| {
        // Each way separately, then all at once.
        for round in 0..7 {
            let admin = fleet.admin().await;
            let own = admin.user().to_owned();
            let (boss_id, boss, _) = fleet.account(&admin, &format!("boss{round}"), "admin").await;
            let tries = (0..50).map(|i| {
                let (admin, boss, own, boss_id) = (&admin, &boss, &own, &boss_id);
                let way = if round < 6 { round } else { i / 2 % 6 };
                async move {
                    if i % 2 == 0 {
                        remove(way, admin, boss_id, ADMIN_PASSWORD).await
                    } else {
                        remove(way, boss, own, PASSWORD).await
                    }
                }
            });
            let replies = join_all(tries).await;
            let expected =
                |r: &Reply| r.status == 200 || ["LAST_ADMIN", "TOKEN_INVALID", "USER_NOT_FOUND"].contains(&r.reason());
            for reply in &replies {
                assert!(expected(reply), "round {round}: {reply:?}");
            }
            assert_eq!(fleet.sandbox.count("auth", ACTIVE).await, 1, "round {round}");
            assert!(replies.iter().any(|r| r.status == 200), "round {round}");
            reset_administrators(&fleet).await;
        }
    })
    .await;
}

/// Leaves one administrator with the initial name and password.
async fn reset_administrators(fleet: &Fleet) {
    fleet.sandbox.execute("auth", "UPDATE users SET hidden_reasons = 0, banned_until = NULL").await;
    if fleet.sandbox.count("auth", "users WHERE username = 'admin'").await == 1 {
        fleet.sandbox.execute("auth", "UPDATE users SET role = 'admin' WHERE username = 'admin'").await;
        fleet.sandbox.execute("auth", "DELETE FROM users WHERE username <> 'admin'").await;
    } else {
        fleet
            .sandbox
            .execute("auth", "UPDATE users SET username = 'admin', username_key = 'admin' WHERE role = 'admin'")
            .await;
        let reset = bcrypt::hash(ADMIN_PASSWORD, 4).unwrap();
        fleet
            .sandbox
            .execute("auth", &format!("UPDATE users SET password_hash = '{reset}' WHERE username = 'admin'"))
            .await;
    }
}
