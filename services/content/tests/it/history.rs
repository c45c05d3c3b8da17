//! Watch history.

use std::time::Duration;

use fenz_content::Content;
use fenz_contract::content::v1::{ListWatchedRequest, video_catalog_service_client::VideoCatalogServiceClient};
use fenz_core::Role;
use fenz_testkit::{Client, Database, eventually, id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER, channel};

async fn set_enabled(fleet: &Fleet, enabled: bool) {
    let body = json!({"enabled": enabled});
    let client = fleet.client(OTHER);
    assert_eq!(client.put("user/history/settings", &body).await.ok("settings"), body);
    assert_eq!(client.get("user/history/settings").await.ok("settings"), body);
}

fn ids(body: &Value) -> Vec<i64> {
    body["videos"].as_array().expect("videos").iter().map(|w| id(&w["video"])).collect()
}

#[tokio::test]
async fn history_lists_the_latest_first_while_it_is_enabled() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.cache.ttl", "1ms")]).await;
        let (a, b) = (fleet.video(json!({})).await, fleet.video(json!({})).await);
        let watch = async |video: i64, user: i64| {
            fleet.get(&format!("videos/{video}"), user).await.ok("video");
            fleet.sandbox.process.clock.advance(Duration::from_secs(1));
        };
        let history = async || ids(&fleet.get("user/history", OTHER).await.body);
        for (video, user) in [(a, OTHER), (b, OTHER), (a, OTHER), (b, OWNER), (b, 0)] {
            watch(video, user).await;
        }
        assert_eq!(history().await, [a, b]);
        assert_eq!(ids(&fleet.get("user/history?pageSize=1&page=2", OTHER).await.body), [b]);
        assert_eq!(fleet.get("user/history", OWNER).await.body, json!({"videos": [], "total": "0"}));
        let mut client = VideoCatalogServiceClient::new(fleet.sandbox.peer("recommendation", "content").unwrap());
        let request = ListWatchedRequest { user_id: OTHER, limit: None };
        assert_eq!(client.list_watched(request).await.unwrap().into_inner().video_ids, [a, b]);

        // Omitted while not public.
        fleet.publish(b, false, OWNER).await.ok("video");
        let reply = fleet.get("user/history", OTHER).await.body;
        assert_eq!((ids(&reply), &reply["total"]), (vec![a], &json!("1")));
        fleet.events.publish(channel(1, true)).await;
        eventually(async || history().await.is_empty()).await;
        fleet.events.publish(channel(2, false)).await;
        eventually(async || history().await == [a]).await;
        fleet.publish(b, true, OWNER).await.ok("video");
        assert_eq!(history().await, [a, b]);

        // Disabled, it keeps its records and adds none.
        set_enabled(&fleet, false).await;
        watch(b, OTHER).await;
        assert_eq!(history().await, [a, b]);
        assert!(client.list_watched(request).await.unwrap().into_inner().video_ids.is_empty());
        set_enabled(&fleet, true).await;
        watch(b, OTHER).await;
        assert_eq!(history().await, [b, a]);
        fleet.client(OTHER).delete("user/history").await.expect(200);
        assert!(history().await.is_empty());
        watch(a, OTHER).await;
        assert_eq!(history().await, [a]);
        fleet.sandbox.process.clock.advance(Duration::from_secs(90 * 24 * 3600 + 10));
        assert!(history().await.is_empty());
    }
}

#[tokio::test]
async fn records_buffered_by_another_replica_are_cleared_too() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let other = fleet.sandbox.start_replica::<Content>().await.unwrap();
        let video = fleet.video(json!({})).await;
        let at_other = Client::new(other).with_token(fleet.sandbox.token(OTHER, Role::User));
        let history = async || ids(&at_other.get("user/history").await.body);
        at_other.get(&format!("videos/{video}")).await.ok("video");
        fleet.client(OTHER).delete("user/history").await.expect(200);
        // Reading the history flushes the buffer.
        assert!(history().await.is_empty());
        at_other.get(&format!("videos/{video}")).await.ok("video");
        assert_eq!(history().await, [video]);
        set_enabled(&fleet, false).await;
        set_enabled(&fleet, true).await;
        assert_eq!(history().await, [video]);
    }
}

#[tokio::test]
async fn history_requires_authentication() {
    let fleet = Fleet::start(Database::Sqlite).await;
    for (method, path) in [
        (Method::GET, "user/history"),
        (Method::DELETE, "user/history"),
        (Method::GET, "user/history/settings"),
        (Method::PUT, "user/history/settings"),
    ] {
        fleet.client(0).send(method, path, &json!({})).await.refused(401, "UNAUTHENTICATED");
    }
    assert_eq!(fleet.get("user/history/settings", OTHER).await.body["settings"]["enabled"], json!(true));
    let empty = fleet.client(OTHER).put("user/history/settings", &json!({})).await;
    assert_eq!(empty.refused(400, "INVALID_PARAMS").field(), "enabled");
}
