//! Forgetting a user.

use fenz_contract::events::v1::{UserDeleted, UserRegistered};
use fenz_testkit::{Database, Redis};
use serde_json::json;

use crate::fleet::{Fleet, OWNER, eventually, everywhere, video};

fn deleted(user_id: i64) -> UserDeleted {
    UserDeleted { user_id, erasure_id: 70 + user_id, version: 100, occurred_at: None }
}

#[tokio::test]
async fn nothing_of_a_user_is_left_and_late_events_bring_nothing_back() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        let tag = fleet.tag("Tag").await;
        fleet.put("tags/my", &json!({"tagIds": [tag.to_string()]}), OWNER).await.of("tags");
        fleet.put("tags/my", &json!({"tagIds": [tag.to_string()], "sessionId": "guest-0001"}), 0).await.of("tags");
        fleet.put("user/recommendations", &json!({"watchedLast": false}), OWNER).await.of("settings");
        fleet.fill(3, |_| vec![]).await;
        fleet.tell(deleted(OWNER)).await;
        eventually(async || fleet.heard.erased.lock().unwrap().len() == 1).await;
        let report = fleet.heard.erased.lock().unwrap()[0].clone();
        assert_eq!((report.user_id, report.service.as_str(), report.removed), (OWNER, "recommendation", 5));
        assert_eq!(fleet.total("videos/recommended").await, 0);
        fleet.tell(video(1, 99)).await;
        fleet.tell(video(4, 1)).await;
        let guest_session_id = Some("guest-0001".to_owned());
        let late = UserRegistered { user_id: OWNER, guest_session_id, version: 1, ..UserRegistered::default() };
        fleet.tell(late).await;
        let other = fenz_contract::events::v1::VideoChanged { owner_id: 8, channel_id: 8, ..video(5, 1) };
        fleet.tell(other).await;
        eventually(async || fleet.get("videos/recommended", 0).await.ids() == [5]).await;
        assert_eq!(fleet.get("tags/my", OWNER).await.of("tags"), json!([]));
    }
}

#[tokio::test]
async fn redis_that_is_away_delays_the_report_and_loses_nothing() {
    let Some(mut redis) = Redis::start().await else { return };
    let fleet = Fleet::start_with(Database::of_a_fleet(), &[("redis.url", &redis.url())]).await;
    fleet.fill(3, |_| vec![]).await;
    redis.kill();
    fleet.tell(deleted(OWNER)).await;
    eventually(async || fleet.total("videos/recommended").await == 0).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(fleet.heard.erased.lock().unwrap().is_empty());
    redis.run().await;
    eventually(async || fleet.heard.erased.lock().unwrap().len() == 1).await;
    assert_eq!(fleet.heard.erased.lock().unwrap()[0].removed, 3);
}
