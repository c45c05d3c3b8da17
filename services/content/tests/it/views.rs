//! Views.

use std::time::Duration;

use fenz_contract::events::v1::ViewsCounted;
use fenz_testkit::{Database, eventually};
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

fn views(video: &Value) -> [&str; 3] {
    ["views", "viewsMember", "viewsNonMember"].map(|key| video[key].as_str().expect("a number as text"))
}

#[tokio::test]
async fn a_viewer_counts_once_an_hour() {
    for database in Database::available() {
        let fleet = Fleet::start_with(database, &[("content.cache.ttl", "50ms")]).await;
        fleet.advance_to_next_hour();
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
            assert_eq!(views(&fleet.get(&path, user).await.ok("video")), [expected, "0", expected]);
        }
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        assert_eq!(views(&fleet.get(&path, OTHER).await.ok("video"))[0], "5");
        fleet.get(&format!("{path}?sessionId=short"), 0).await.refused(400, "INVALID_PARAMS");
        // Stopping flushes the memory.
        fleet.sandbox.stop().await;
        assert_eq!(fleet.count(&format!("videos WHERE views_non_member = 5 AND id = {video}")).await, 1);
    }
}

#[tokio::test]
async fn flushing_neither_loses_nor_doubles_views() {
    let settings = [("content.cache.ttl", "1ms"), ("content.views.flush_every", "500ms")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    let video = fleet.video(json!({})).await;
    // Longer than the flush interval.
    for n in 0..60 {
        let path = format!("videos/{video}?sessionId=session-{n:04}");
        let seen: i64 = views(&fleet.get(&path, 0).await.ok("video"))[0].parse().unwrap();
        assert_eq!(seen, n + 1);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(fleet.count(&format!("videos WHERE views_non_member > 0 AND id = {video}")).await, 1);
}

#[tokio::test]
async fn a_flush_is_published_with_hours_and_totals() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.views.flush_every", "300ms")]).await;
        fleet.advance_to_next_hour();
        let (a, b) = (fleet.video(json!({})).await, fleet.video(json!({})).await);
        let watch = async |video: i64, from: usize, to: usize| {
            for n in from..to {
                fleet.get(&format!("videos/{video}?sessionId=session-{n:04}"), 0).await.ok("video");
            }
        };
        let sum = |video: i64| -> i64 {
            let events = fleet.events.all::<ViewsCounted>();
            events.iter().flat_map(|e| &e.videos).filter(|v| v.video_id == video).map(|v| v.member + v.non_member).sum()
        };
        watch(a, 0, 5).await;
        watch(b, 0, 2).await;
        eventually(async || sum(a) == 5 && sum(b) == 2).await;
        fleet.sandbox.process.clock.advance(Duration::from_secs(3600));
        watch(a, 3, 6).await;
        eventually(async || sum(a) == 8).await;
        let events = fleet.events.all::<ViewsCounted>();
        let totals = events.iter().flat_map(|e| &e.videos).filter(|v| v.video_id == a).map(|v| v.total);
        assert_eq!(totals.max(), Some(8));
        let hours: std::collections::BTreeSet<_> = events.iter().map(|e| e.hour.as_ref().unwrap().seconds).collect();
        assert_eq!(hours.len(), 2);
        assert!(hours.iter().all(|hour| hour % 3600 == 0));
        assert_eq!(fleet.count(&format!("view_hours WHERE video_id = {a} AND non_member = 5")).await, 1);
        assert_eq!(fleet.count(&format!("view_hours WHERE video_id = {a} AND non_member = 3")).await, 1);
        assert_eq!(fleet.count(&format!("videos WHERE views_non_member = 8 AND id = {a}")).await, 1);
    }
}

/// Views of a deleted video do not block the flush of others.
#[tokio::test]
async fn views_of_a_deleted_video_are_dropped() {
    let settings = [("content.views.flush_every", "1h"), ("content.edit_cooldown", "0s")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    let (a, b) = (fleet.video(json!({})).await, fleet.video(json!({})).await);
    for video in [a, b] {
        fleet.get(&format!("videos/{video}"), OTHER).await.ok("video");
    }
    fleet.sandbox.execute("content", &format!("DELETE FROM videos WHERE id = {a}")).await;
    fleet.sandbox.stop().await;
    assert_eq!(fleet.count("view_flushes").await, 1);
    assert_eq!(fleet.count(&format!("videos WHERE views_non_member = 1 AND id = {b}")).await, 1);
    assert_eq!(fleet.count("view_hours").await, 1);
}

/// A flush updates a video once, whatever the number of viewers.
#[tokio::test]
async fn many_viewers_of_one_video_are_one_flush() {
    for database in Database::available() {
        let fleet = Fleet::start_with(database, &[("content.views.flush_every", "1h")]).await;
        fleet.advance_to_next_hour();
        let video = fleet.video(json!({})).await;
        let (fleet, path) = (&fleet, &|n: usize| format!("videos/{video}?sessionId=session-{n:04}"));
        for from in (0..1000).step_by(50) {
            let views = (from..from + 50).map(|n| async move { fleet.get(&path(n), 0).await.ok("video") });
            futures::future::join_all(views).await;
        }
        fleet.sandbox.stop().await;
        assert_eq!(fleet.count("view_flushes").await, 1);
        assert_eq!(fleet.count("view_hours WHERE non_member = 1000").await, 1);
        assert_eq!(fleet.count(&format!("videos WHERE views_non_member = 1000 AND id = {video}")).await, 1);
    }
}
