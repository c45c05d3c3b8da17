//! Views.

use std::time::Duration;

use fenz_testkit::Database;
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

fn views(video: &Value) -> [&str; 3] {
    ["views", "viewsMember", "viewsNonMember"].map(|key| video[key].as_str().expect("a number as text"))
}

#[tokio::test]
async fn one_view_of_each_viewer_an_hour() {
    for database in Database::available() {
        let fleet = Fleet::start_with(database, &[("content.cache.ttl", "50ms")]).await;
        let video = fleet.video(json!({})).await;
        let path = format!("videos/{video}");
        let guest = |n| format!("{path}?sessionId=guest-000{n}");
        for (path, user, expected) in [
            (path.clone(), OWNER, "0"),
            (path.clone(), OTHER, "1"),
            (path.clone(), OTHER, "1"),
            (guest(1), OTHER, "1"),
            (guest(1), 0, "2"),
            (guest(1), 0, "2"),
            (guest(2), 0, "3"),
            (path.clone(), 0, "4"),
            (path.clone(), 0, "4"),
        ] {
            assert_eq!(views(&fleet.get(&path, user).await.video()), [expected, "0", expected]);
        }
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        assert_eq!(views(&fleet.get(&path, OTHER).await.video())[0], "5");
        fleet.get(&format!("{path}?sessionId=short"), 0).await.refused(400, "INVALID_PARAMS");
        // Stopping stores what is in memory.
        fleet.sandbox.stop().await;
        assert_eq!(fleet.count(&format!("videos WHERE views_non_member = 5 AND id = {video}")).await, 1);
    }
}

#[tokio::test]
async fn storing_views_neither_loses_nor_doubles_them() {
    let fleet = Fleet::start_with(Database::of_a_fleet(), &[("content.cache.ttl", "1ms")]).await;
    let video = fleet.video(json!({})).await;
    // Longer than the pause between two times of storing.
    for n in 0..120 {
        let path = format!("videos/{video}?sessionId=session-{n:04}");
        let seen: i64 = views(&fleet.get(&path, 0).await.video())[0].parse().unwrap();
        assert_eq!(seen, n + 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fleet.count(&format!("videos WHERE views_non_member > 0 AND id = {video}")).await, 1);
}
