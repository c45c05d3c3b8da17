//! Sessions: listed, ended, polled by the gateway.

use std::time::Duration;

use fenz_contract::auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient};
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, PASSWORD, on_every_database, on_every_database_with_events};

#[tokio::test]
async fn sessions_are_listed_with_device_and_address_the_last_used_first() {
    on_every_database(&[], async |fleet| {
        let first = fleet.register("ann").await.is(200);
        fleet.register("ben").await.is(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        let body = json!({"username": "ann", "password": PASSWORD});
        let long = "Käse ".repeat(100);
        let headers = [("user-agent", long.as_str()), ("x-fenz-client-address", "2001:db8::7")];
        // A header that is not ASCII is ignored: the device is empty.
        fleet.call(Method::POST, "/api/v1/auth/login", &headers, &body).await.is(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        let long = "player/1.0 ".repeat(100);
        let headers = [("user-agent", long.as_str()), ("x-fenz-client-address", "10.1.2.3")];
        let second = fleet.call(Method::POST, "/api/v1/auth/login", &headers, &body).await.is(200);
        let token = second.text("accessToken");
        let list = fleet.get(token, "auth/sessions").await.is(200);
        assert_eq!((list.body["sessions"].as_array().unwrap().len(), list.text("total")), (3, "3"));
        let newest = &list.body["sessions"][0];
        assert_eq!((&newest["id"], &newest["isCurrent"]), (&second.body["sessionId"], &json!(true)));
        assert_eq!((newest["device"].as_str().unwrap().len(), &newest["address"]), (256, &json!("10.1.2.3")));
        assert_eq!(list.body["sessions"][1]["address"], "2001:db8::7");
        // A refresh moves the first one to the top.
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        fleet.refresh(first.text("refreshToken")).await.is(200);
        let list = fleet.get(token, "auth/sessions").await.is(200);
        let newest = &list.body["sessions"][0];
        assert_eq!((&newest["id"], &newest["isCurrent"]), (&first.body["sessionId"], &json!(false)));
        assert!(newest["lastUsedAt"].as_str().unwrap() > newest["createdAt"].as_str().unwrap());
    })
    .await;
}

#[tokio::test]
async fn logout_ends_the_current_session_and_logout_all_ends_every_session() {
    on_every_database(&[], async |fleet| {
        let [one, two, three] =
            [fleet.register("ann").await, fleet.login("ann", PASSWORD).await, fleet.login("ann", PASSWORD).await];
        fleet.as_user(one.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        for path in ["user/me", "auth/sessions"] {
            fleet.get(one.text("accessToken"), path).await.refuses(401, "TOKEN_INVALID");
        }
        fleet
            .as_user(one.text("accessToken"), Method::POST, "auth/logout", json!({}))
            .await
            .refuses(401, "TOKEN_INVALID");
        fleet.refresh(one.text("refreshToken")).await.refuses(401, "TOKEN_INVALID");
        fleet.get(two.text("accessToken"), "user/me").await.is(200);
        fleet.as_user(two.text("accessToken"), Method::POST, "auth/logout-all", json!({})).await.is(200);
        for ended in [&two, &three] {
            fleet.get(ended.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        }
        fleet.login("ann", PASSWORD).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn users_end_only_their_own_sessions() {
    on_every_database(&[], async |fleet| {
        let (one, two) = (fleet.register("ann").await, fleet.login("ann", PASSWORD).await);
        let ben = fleet.register("ben").await;
        let end = async |token: &str, id: &str| {
            fleet.as_user(token, Method::DELETE, &format!("auth/sessions/{id}"), Value::Null).await
        };
        end(ben.text("accessToken"), two.text("sessionId")).await.refuses(404, "SESSION_NOT_FOUND");
        end(one.text("accessToken"), "a%00b").await.refuses(400, "INVALID_PARAMS");
        end(one.text("accessToken"), two.text("sessionId")).await.is(200);
        end(one.text("accessToken"), two.text("sessionId")).await.refuses(404, "SESSION_NOT_FOUND");
        fleet.get(two.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        end(one.text("accessToken"), one.text("sessionId")).await.is(200);
        fleet.get(one.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
    })
    .await;
}

#[tokio::test]
async fn a_session_beyond_the_limit_ends_the_least_recently_used() {
    on_every_database_with_events(&[("max_sessions", "3")], async |fleet| {
        let oldest = fleet.register("ann").await;
        for _ in 0..3 {
            fleet.sandbox.process.clock.advance(Duration::from_secs(1));
            fleet.login("ann", PASSWORD).await.is(200);
        }
        fleet.get(oldest.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        let event = fleet.events().wait_for("sessions_ended", "sessionIds", json!([oldest.body["sessionId"]])).await;
        assert_eq!(event["userId"], oldest.body["user"]["id"]);
        let newest = fleet.login("ann", PASSWORD).await;
        assert_eq!(fleet.get(newest.text("accessToken"), "auth/sessions").await.text("total"), "3");
    })
    .await;
}

#[tokio::test]
async fn the_gateway_polls_ended_sessions() {
    on_every_database(&[], async |fleet| {
        let (one, two) = (fleet.register("ann").await, fleet.login("ann", PASSWORD).await);
        let mut auth = AuthServiceClient::new(fleet.sandbox.peer("gateway", "auth").unwrap());
        let mut poll = async |after| {
            let reply = auth.list_ended_sessions(ListEndedSessionsRequest { after }).await.unwrap().into_inner();
            (reply.sessions, reply.next)
        };
        let (ended, next) = poll(0).await;
        assert!(ended.is_empty() && next > 0);
        fleet.as_user(one.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        let (ended, next) = poll(next).await;
        assert_eq!(ended.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), [one.text("sessionId")]);
        let until = ended[0].until.as_ref().unwrap().seconds - fleet.sandbox.process.clock.unix();
        assert!((955..=961).contains(&until), "{until}");
        // After the overlap it is not repeated, but a new gateway gets all.
        fleet.sandbox.process.clock.advance(Duration::from_secs(60));
        let (_, next) = poll(next).await;
        assert!(poll(next).await.0.is_empty());
        fleet.as_user(two.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        assert_eq!(poll(next).await.0.len(), 1);
        assert_eq!(poll(0).await.0.len(), 2);
        // Their access tokens have expired by then.
        fleet.sandbox.process.clock.advance(Duration::from_secs(17 * 60));
        assert!(poll(0).await.0.is_empty());
    })
    .await;
}

#[tokio::test]
async fn only_services_list_ended_sessions() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let mut stranger = AuthServiceClient::connect(fleet.sandbox.url("auth")).await.unwrap();
    let refused = stranger.list_ended_sessions(ListEndedSessionsRequest { after: 0 }).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    let mut request = tonic::Request::new(ListEndedSessionsRequest { after: 0 });
    let bearer = format!("Bearer {}", fleet.admin_token().await);
    request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    assert!(stranger.list_ended_sessions(request).await.is_err());
}
