//! Sessions: listed, ended, told to the gateway.

use std::time::Duration;

use fenz_contract::auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient};
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, PASSWORD, everywhere, everywhere_heard};

#[tokio::test]
async fn sessions_tell_device_and_address_the_last_used_first() {
    everywhere(&[], async |fleet| {
        let first = fleet.register("ann").await.is(200);
        fleet.register("ben").await.is(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        let body = json!({"username": "ann", "password": PASSWORD});
        let long = "Käse ".repeat(100);
        let headers = [("user-agent", long.as_str()), ("x-fenz-client-address", "2001:db8::7")];
        // A header that is not ASCII is no text: the device stays empty.
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
        // Using the first one brings it to the top.
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
async fn logout_ends_this_session_at_once_and_logout_all_every() {
    everywhere(&[], async |fleet| {
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
async fn one_session_can_be_ended_but_nobody_elses() {
    everywhere(&[], async |fleet| {
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
async fn one_too_many_ends_the_one_unused_for_longest() {
    everywhere_heard(&[("max_sessions", "3")], async |fleet| {
        let oldest = fleet.register("ann").await;
        for _ in 0..3 {
            fleet.sandbox.process.clock.advance(Duration::from_secs(1));
            fleet.login("ann", PASSWORD).await.is(200);
        }
        fleet.get(oldest.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        let told = fleet.ear().of("sessions_ended", "sessionIds", json!([oldest.body["sessionId"]])).await;
        assert_eq!(told["userId"], oldest.body["user"]["id"]);
        let newest = fleet.login("ann", PASSWORD).await;
        assert_eq!(fleet.get(newest.text("accessToken"), "auth/sessions").await.text("total"), "3");
    })
    .await;
}

#[tokio::test]
async fn the_gateway_hears_of_ended_sessions() {
    everywhere(&[], async |fleet| {
        let (one, two) = (fleet.register("ann").await, fleet.login("ann", PASSWORD).await);
        let mut auth = AuthServiceClient::new(fleet.sandbox.peer("gateway", "auth").unwrap());
        let mut ask = async |after| {
            let reply = auth.list_ended_sessions(ListEndedSessionsRequest { after }).await.unwrap().into_inner();
            (reply.sessions, reply.next)
        };
        let (ended, next) = ask(0).await;
        assert!(ended.is_empty() && next > 0);
        fleet.as_user(one.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        let (ended, next) = ask(next).await;
        assert_eq!(ended.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), [one.text("sessionId")]);
        let until = ended[0].until.as_ref().unwrap().seconds - fleet.sandbox.process.clock.unix();
        assert!((955..=961).contains(&until), "{until}");
        // Not again after a while, but a gateway that starts anew hears all.
        fleet.sandbox.process.clock.advance(Duration::from_secs(60));
        let (_, next) = ask(next).await;
        assert!(ask(next).await.0.is_empty());
        fleet.as_user(two.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        assert_eq!(ask(next).await.0.len(), 1);
        assert_eq!(ask(0).await.0.len(), 2);
        // Their access tokens have expired by then.
        fleet.sandbox.process.clock.advance(Duration::from_secs(17 * 60));
        assert!(ask(0).await.0.is_empty());
    })
    .await;
}

#[tokio::test]
async fn only_services_hear_of_ended_sessions() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let mut stranger = AuthServiceClient::connect(fleet.sandbox.url("auth")).await.unwrap();
    let refused = stranger.list_ended_sessions(ListEndedSessionsRequest { after: 0 }).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    let mut request = tonic::Request::new(ListEndedSessionsRequest { after: 0 });
    let bearer = format!("Bearer {}", fleet.admin_token().await);
    request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    assert!(stranger.list_ended_sessions(request).await.is_err());
}
