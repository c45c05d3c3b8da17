//! Hidden, deleted and moderated content, with events that arrive twice and out of
//! order.

use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, UserDeleted, UserErased, UserModerated, VideoChanged,
    VideoDeleted, VideoFailed,
};
use fenz_testkit::{Database, eventually};
use serde_json::{Value, json};

use crate::{
    fleet::Fleet,
    streams::{Events, member},
};

const OWNER: i64 = 7;
const A: i64 = 11;

fn channel(is_hidden: bool, version: i64) -> ChannelChanged {
    let name = "Seven".to_owned();
    ChannelChanged { channel_id: OWNER, owner_id: OWNER, name, is_hidden, version, ..ChannelChanged::default() }
}

fn video(video_id: i64, is_published: bool, is_hidden: bool, version: i64) -> VideoChanged {
    VideoChanged { video_id, channel_id: OWNER, is_published, is_hidden, version, ..VideoChanged::default() }
}

async fn total(fleet: &Fleet, user: i64) -> Value {
    fleet.client(user).get("notifications").await.ok("total")
}

#[tokio::test]
async fn hidden_content_disappears_and_returns() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        member(&fleet, A, OWNER).await;
        for (id, title) in [(1, "one"), (2, "two")] {
            fleet.new_video(OWNER, id, title).await;
            fleet.until_unread(A, id).await;
        }
        let left = async |count: i64| {
            fleet.until_unread(A, count).await;
            assert_eq!(total(&fleet, A).await, json!(count.to_string()));
        };
        fleet.events.publish(channel(true, 5)).await;
        left(0).await;
        let mut live = Events::open(fleet.stream("?lastEventId=0", A)).await;
        let position = fleet.position().await;
        fleet.new_video(OWNER, 3, "hidden").await;
        // Before the next event: events may be consumed in any order.
        eventually(async || fleet.position().await > position).await;
        // An older version, and the same version again.
        fleet.events.publish(channel(false, 4)).await;
        fleet.events.publish(channel(true, 5)).await;
        // With the next event, the stream is past the position of the hidden one.
        fleet.membership(A, A, 1, 1).await;
        let next = live.next().await.data;
        assert_eq!(next["type"], "subscription");
        fleet.events.publish(channel(false, 6)).await;
        left(4).await;
        // It is not in the stream; the next event is.
        fleet.new_video(OWNER, 4, "four").await;
        assert_eq!(live.messages(1).await, ["four"]);
        left(5).await;
        fleet.events.publish(video(1, true, true, 2)).await;
        left(4).await;
        fleet.events.publish(video(2, false, false, 2)).await;
        left(3).await;
        fleet.events.publish(video(1, true, false, 1)).await;
        let mut again = Events::open(fleet.stream("?lastEventId=0", A)).await;
        assert_eq!(again.messages(3).await, ["hidden", next["message"].as_str().unwrap(), "four"]);
        fleet.events.publish(video(1, true, false, 3)).await;
        left(4).await;
        fleet.events.publish(video(2, true, false, 3)).await;
        left(5).await;
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_moderators_decision_is_a_direct_notification() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        let until = Some(fleet.sandbox.process.clock.now().into());
        let decision = UserModerated {
            user_id: A,
            outcome: "banned".into(),
            object_type: "user".into(),
            object_id: A,
            text: "No spam.".into(),
            until,
            ..UserModerated::default()
        };
        let mut live = Events::open(fleet.stream("", A)).await;
        fleet.events.publish(decision).await;
        let notification = live.next().await.data;
        assert_eq!(
            (&notification["type"], &notification["title"]),
            (&json!("moderation"), &json!("Your account was banned"))
        );
        assert!(notification["message"].as_str().unwrap().ends_with(" No spam."));
        let payload: Value = serde_json::from_str(notification["payload"].as_str().unwrap()).unwrap();
        assert_eq!((&payload["outcome"], &payload["objectId"]), (&json!("banned"), &json!("11")));
        assert!(payload["until"].as_str().unwrap().ends_with('Z'));
        assert_eq!(fleet.unread(A).await, 1);
        fleet.client(A).put("notifications/settings", &json!({"moderation": false})).await.expect(200);
        assert_eq!(fleet.unread(A).await, 0);
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn the_owner_is_told_of_a_video_that_cannot_be_played() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        let title = "片 🎬".to_owned();
        let (video_id, channel_id, owner_id, failure) = (9, A, A, "UNREADABLE".to_owned());
        let failed = VideoFailed { video_id, channel_id, owner_id, title, failure, occurred_at: None };
        fleet.events.publish(failed.clone()).await;
        fleet.until_unread(A, 1).await;
        let listed = fleet.client(A).get("notifications").await;
        let notification = &listed.body["notifications"][0];
        assert_eq!(notification["type"], "video_failed");
        assert_eq!(notification["message"], "片 🎬: its file is damaged or no video");
        assert!(notification["payload"].as_str().unwrap().contains(r#""videoId":"9""#));
        fleet.client(A).put("notifications/settings", &json!({"videoFailed": false})).await.expect(200);
        assert_eq!(fleet.unread(A).await, 0);
        // Of a video whose deletion came first nobody is told.
        let position = fleet.position().await;
        fleet.events.publish(VideoDeleted { video_id: 10, channel_id: A, ..VideoDeleted::default() }).await;
        eventually(async || fleet.position().await > position).await;
        let position = fleet.position().await;
        fleet.events.publish(VideoFailed { video_id: 10, ..failed }).await;
        eventually(async || fleet.position().await > position).await;
        assert_eq!(fleet.sandbox.count("notification", "direct_notifications WHERE about_id = 10").await, 0);
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_deleted_channel_and_a_deleted_user_leave_no_notifications() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        member(&fleet, A, OWNER).await;
        fleet.new_video(OWNER, 1, "one").await;
        fleet.until_unread(A, 1).await;
        let occurred_at = Some(fleet.sandbox.process.clock.now().into());
        let deleted = ChannelDeleted { channel_id: OWNER, owner_id: OWNER, version: 9, occurred_at };
        fleet.events.publish(deleted).await;
        fleet.until_unread(A, 0).await;
        fleet.events.publish(deleted).await;
        fleet.events.publish(channel(false, 8)).await;

        let mut live = Events::open(fleet.stream("", OWNER)).await;
        let deletion = UserDeleted { user_id: OWNER, erasure_id: 5, version: 10, occurred_at };
        fleet.events.publish(deletion).await;
        while live.block().await.is_some() {}
        let reports = async |count: usize| {
            eventually(async || fleet.events.all::<UserErased>().len() == count).await;
            fleet.events.all::<UserErased>().remove(count - 1)
        };
        let report = reports(1).await;
        assert_eq!((report.user_id, report.erasure_id, report.service.as_str()), (OWNER, 5, "notification"));
        // The notification of the subscription, at least.
        assert!(report.removed >= 1);
        assert_eq!(total(&fleet, OWNER).await, "0");
        // A repeat, after late events.
        fleet
            .events
            .publish(MembershipChanged { user_id: OWNER, channel_id: A, tier: 1, version: 1, occurred_at })
            .await;
        fleet
            .events
            .publish(UserModerated { user_id: OWNER, outcome: "warned".into(), ..UserModerated::default() })
            .await;
        fleet.events.publish(deletion).await;
        reports(2).await;
        assert_eq!(total(&fleet, OWNER).await, "0");
        fleet.client(OWNER).put("channels/8/mute", &json!({})).await.refused(401, "UNAUTHENTICATED");
        fleet.sandbox.stop().await;
    }
}
