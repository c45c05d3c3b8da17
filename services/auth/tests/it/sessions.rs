//! Sessions: listed, ended, told to the gateway.

use std::time::Duration;

use fenz_contract::auth::v1::{ListEndedSessionsRequest, auth_service_client::AuthServiceClient};
use fenz_contract::events::v1::SessionsEnded;
use fenz_testkit::{Database, PASSWORD, Reply};
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::fleet::{ADMIN_PASSWORD, Fleet, on_every_database, on_every_database_with_events};

#[tokio::test]
async fn sessions_are_listed_with_device_and_address_the_last_used_first() {
    on_every_database(&[], async |fleet| {
        let first = fleet.client.register("ann").await;
        fleet.client.register("ben").await.expect(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        let login = async |device: &str, address: &str| {
            let request = fleet.client.request(Method::POST, "/api/v1/auth/login");
            let request = request.header("user-agent", device.repeat(100)).header("x-fenz-client-address", address);
            Reply::of(request.json(&json!({"username": "ann", "password": PASSWORD}))).await
        };
        // A header that is not ASCII is ignored: the device is empty.
        login("Käse ", "2001:db8::7").await.expect(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        let second = login("player/1.0 ", "10.1.2.3").await;
        let ann = fleet.client.signed_in(&second);
        let list = ann.get("auth/sessions").await;
        assert_eq!((list.ok("sessions").as_array().unwrap().len(), list.text("total")), (3, "3"));
        let newest = &list.ok("sessions")[0];
        assert_eq!((&newest["id"], &newest["isCurrent"]), (&second.ok("sessionId"), &json!(true)));
        assert_eq!((newest["device"].as_str().unwrap().len(), &newest["address"]), (256, &json!("10.1.2.3")));
        assert_eq!(list.ok("sessions")[1]["address"], "2001:db8::7");
        // A refresh moves the first one to the top.
        fleet.sandbox.process.clock.advance(Duration::from_secs(5));
        fleet.refresh(first.text("refreshToken")).await.expect(200);
        let list = ann.get("auth/sessions").await;
        let newest = &list.ok("sessions")[0];
        assert_eq!((&newest["id"], &newest["isCurrent"]), (&first.ok("sessionId"), &json!(false)));
        assert!(newest["lastUsedAt"].as_str().unwrap() > newest["createdAt"].as_str().unwrap());
    })
    .await;
}

#[tokio::test]
async fn logout_ends_the_current_session_and_logout_all_ends_every_session() {
    on_every_database(&[], async |fleet| {
        let session = fleet.client.register("ann").await;
        let one = fleet.client.signed_in(&session);
        let login = async || fleet.client.signed_in(&fleet.client.login("ann", PASSWORD).await);
        let (two, three) = (login().await, login().await);
        one.post("auth/logout", &json!({})).await.expect(200);
        for path in ["user/me", "auth/sessions"] {
            one.get(path).await.refused(401, "TOKEN_INVALID");
        }
        one.post("auth/logout", &json!({})).await.refused(401, "TOKEN_INVALID");
        fleet.refresh(session.text("refreshToken")).await.refused(401, "TOKEN_INVALID");
        two.get("user/me").await.expect(200);
        two.post("auth/logout-all", &json!({})).await.expect(200);
        for ended in [&two, &three] {
            ended.get("user/me").await.refused(401, "TOKEN_INVALID");
        }
        fleet.client.login("ann", PASSWORD).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn users_end_only_their_own_sessions() {
    on_every_database(&[], async |fleet| {
        let (one, two) = (fleet.client.register("ann").await, fleet.client.login("ann", PASSWORD).await);
        let ben = fleet.client.register("ben").await;
        let end = async |session: &Reply, id: &str| {
            fleet.client.signed_in(session).delete(&format!("auth/sessions/{id}")).await
        };
        end(&ben, two.text("sessionId")).await.refused(404, "SESSION_NOT_FOUND");
        end(&one, "a%00b").await.refused(400, "INVALID_PARAMS");
        end(&one, two.text("sessionId")).await.expect(200);
        end(&one, two.text("sessionId")).await.refused(404, "SESSION_NOT_FOUND");
        fleet.client.signed_in(&two).get("user/me").await.refused(401, "TOKEN_INVALID");
        end(&one, one.text("sessionId")).await.expect(200);
        fleet.client.signed_in(&one).get("user/me").await.refused(401, "TOKEN_INVALID");
    })
    .await;
}

#[tokio::test]
async fn a_session_beyond_the_limit_ends_the_least_recently_used() {
    on_every_database_with_events(&[("max_sessions", "3")], async |fleet| {
        let oldest = fleet.client.register("ann").await;
        for _ in 0..3 {
            fleet.sandbox.process.clock.advance(Duration::from_secs(1));
            fleet.client.login("ann", PASSWORD).await.expect(200);
        }
        fleet.client.signed_in(&oldest).get("user/me").await.refused(401, "TOKEN_INVALID");
        let event = fleet.events.wait_for::<SessionsEnded>("sessionIds", json!([oldest.ok("sessionId")])).await;
        assert_eq!(event["userId"], oldest.ok("user")["id"]);
        let newest = fleet.client.login("ann", PASSWORD).await;
        assert_eq!(fleet.client.signed_in(&newest).get("auth/sessions").await.text("total"), "3");
    })
    .await;
}

#[tokio::test]
async fn the_gateway_is_told_of_ended_sessions() {
    on_every_database(&[], async |fleet| {
        let (one, two) = (fleet.client.register("ann").await, fleet.client.login("ann", PASSWORD).await);
        let clock = &fleet.sandbox.process.clock;
        let auth = AuthServiceClient::new(fleet.sandbox.peer("gateway", "auth").unwrap());
        let list = async |after, wait_ms| {
            let request = ListEndedSessionsRequest { after, wait_ms };
            let reply = auth.clone().list_ended_sessions(request).await.unwrap().into_inner();
            (reply.sessions, reply.next)
        };
        let (ended, next) = list(0, 0).await;
        assert!(ended.is_empty() && next == 0);
        let before = clock.unix();
        fleet.client.signed_in(&one).post("auth/logout", &json!({})).await.expect(200);
        let after = clock.unix();
        let (ended, next) = list(next, 0).await;
        assert_eq!(ended.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), [one.text("sessionId")]);
        let until = ended[0].until.as_ref().unwrap().seconds;
        assert!((before + 960..=after + 961).contains(&until), "{until} from {before} to {after}");
        // It is not repeated; a request that waits is answered at the next end.
        let waited = Instant::now();
        let (none, same) = list(next, 300).await;
        assert!(none.is_empty() && same == next && waited.elapsed() >= Duration::from_millis(300));
        let logout = async {
            sleep(Duration::from_millis(300)).await;
            fleet.client.signed_in(&two).post("auth/logout", &json!({})).await.expect(200);
            Instant::now()
        };
        let waiting = async { (list(next, 8_000).await, Instant::now()) };
        let (((ended, newest), told), ended_at) = tokio::join!(waiting, logout);
        assert_eq!(ended.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), [two.text("sessionId")]);
        assert!(told < ended_at + Duration::from_secs(5), "{:?}", told - ended_at);
        // A new gateway gets all, as does one that has seen more than this database has.
        assert_eq!(list(0, 0).await.0.len(), 2);
        assert_eq!(list(newest + 5, 0).await.0.len(), 2);
        // Their access tokens have expired by then.
        clock.advance(Duration::from_secs(17 * 60));
        assert!(list(0, 0).await.0.is_empty());
    })
    .await;
}

/// The order is that of commits, whatever the clocks of replicas say.
#[tokio::test]
async fn no_end_is_missed_by_who_lists_meanwhile() {
    on_every_database(&[], async |fleet| {
        fleet.client.register("ann").await;
        let logins = (0..30).map(|_| fleet.client.login("ann", PASSWORD));
        let logins = futures::future::join_all(logins).await;
        let auth = AuthServiceClient::new(fleet.sandbox.peer("gateway", "auth").unwrap());
        let listing = async {
            let (mut after, mut seen) = (0, Vec::new());
            while seen.len() < logins.len() {
                let request = ListEndedSessionsRequest { after, wait_ms: 8_000 };
                let reply = auth.clone().list_ended_sessions(request).await.unwrap().into_inner();
                seen.extend(reply.sessions.into_iter().map(|session| session.id));
                after = reply.next;
            }
            seen
        };
        let ending = logins.iter().map(async |login| {
            fleet.client.signed_in(login).post("auth/logout", &json!({})).await.expect(200);
        });
        let (mut seen, _) = tokio::join!(listing, futures::future::join_all(ending));
        let mut ended: Vec<_> = logins.iter().map(|login| login.text("sessionId").to_owned()).collect();
        seen.sort();
        ended.sort();
        assert_eq!(seen, ended, "each once");
    })
    .await;
}

#[tokio::test]
async fn only_services_list_ended_sessions() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let mut stranger = AuthServiceClient::connect(fleet.sandbox.url("auth")).await.unwrap();
    let refused = stranger.list_ended_sessions(ListEndedSessionsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    let mut request = tonic::Request::new(ListEndedSessionsRequest::default());
    let login = fleet.client.login("admin", ADMIN_PASSWORD).await;
    let bearer = format!("Bearer {}", login.text("accessToken"));
    request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    assert!(stranger.list_ended_sessions(request).await.is_err());
}
