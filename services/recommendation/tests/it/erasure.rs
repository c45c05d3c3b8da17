//! Erasing a user.

use fenz_contract::events::v1::{UserDeleted, UserErased, UserRegistered, VideoChanged};
use fenz_testkit::{Database, Redis, eventually};
use serde_json::json;

use crate::harness::{Harness, OWNER, all_backends, video};

fn deleted(user_id: i64) -> UserDeleted {
    UserDeleted { user_id, erasure_id: 70 + user_id, version: 100, occurred_at: None }
}

#[tokio::test]
async fn a_user_is_erased_completely_and_late_events_restore_nothing() {
    for (database, cache) in all_backends() {
        let harness = Harness::start(database, cache).await;
        let tag = harness.tag("Tag").await;
        harness.client(OWNER).put("tags/my", &json!({"tagIds": [tag.to_string()]})).await.ok("tags");
        harness
            .client(0)
            .put("tags/my", &json!({"tagIds": [tag.to_string()], "sessionId": "guest-0001"}))
            .await
            .ok("tags");
        harness.client(OWNER).put("user/recommendations", &json!({"watchedLast": false})).await.ok("settings");
        harness.fill(3, |_| vec![]).await;
        harness.events.publish(deleted(OWNER)).await;
        eventually(async || harness.events.all::<UserErased>().len() == 1).await;
        let report = harness.events.all::<UserErased>()[0].clone();
        assert_eq!((report.user_id, report.service.as_str(), report.removed), (OWNER, "recommendation", 5));
        assert_eq!(harness.total("videos/recommended").await, 0);
        harness.events.publish(video(1, 99)).await;
        harness.events.publish(video(4, 1)).await;
        let guest_session_id = Some("guest-0001".to_owned());
        let late = UserRegistered { user_id: OWNER, guest_session_id, version: 1, ..UserRegistered::default() };
        harness.events.publish(late).await;
        let other = VideoChanged { owner_id: 8, channel_id: 8, ..video(5, 1) };
        harness.events.publish(other).await;
        eventually(async || harness.get("videos/recommended", 0).await.ids("videos") == [5]).await;
        assert_eq!(harness.get("tags/my", OWNER).await.ok("tags"), json!([]));
    }
}

#[tokio::test]
async fn an_unavailable_redis_delays_the_report_and_loses_nothing() {
    let Some(mut redis) = Redis::start().await else { return };
    let harness = Harness::start_with(Database::of_a_fleet(), &[("redis.url", &redis.url())]).await;
    harness.fill(3, |_| vec![]).await;
    redis.kill();
    harness.events.publish(deleted(OWNER)).await;
    eventually(async || harness.total("videos/recommended").await == 0).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(harness.events.all::<UserErased>().is_empty());
    redis.run().await;
    eventually(async || harness.events.all::<UserErased>().len() == 1).await;
    assert_eq!(harness.events.all::<UserErased>()[0].removed, 3);
}
