//! Hidden, deleted and moderated content, with events that arrive twice and out of
//! order.

use std::time::{Duration, Instant};

use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, UserDeleted, UserModerated, VideoChanged,
};
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    fleet::{Erased, Fleet},
    streams::{Events, member},
};

const OWNER: i64 = 7;
const A: i64 = 11;

fn channel(is_hidden: bool, version: i64) -> ChannelChanged {
    let name = "Seven".to_owned();
    ChannelChanged { channel_id: OWNER, owner_id: OWNER, name, is_hidden, version, occurred_at: None }
}

fn video(video_id: i64, is_published: bool, is_hidden: bool, version: i64) -> VideoChanged {
    VideoChanged { video_id, channel_id: OWNER, is_published, is_hidden, version, ..VideoChanged::default() }
}

async fn total(fleet: &Fleet, user: i64) -> Value {
    fleet.get("notifications", user).await.ok()["total"].clone()
}

#[tokio::test]
async fn hidden_content_disappears_within_a_second_and_returns() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        member(&fleet, A, OWNER).await;
        for (id, title) in [(1, "one"), (2, "two")] {
            fleet.new_video(OWNER, id, title).await;
            fleet.until_unread(A, id).await;
        }
        let within_a_second = async |event: &dyn Publish, left: i64| {
            let began = Instant::now();
            event.publish_to(&fleet).await;
            fleet.until_unread(A, left).await;
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
            assert_eq!(total(&fleet, A).await, json!(left.to_string()));
        };
        within_a_second(&channel(true, 5), 0).await;
        let mut live = Events::open(fleet.request(Method::GET, "notifications/stream?lastEventId=0", A)).await;
        fleet.new_video(OWNER, 3, "hidden").await;
        // An older version, and the same version again.
        fleet.publish(channel(false, 4)).await;
        fleet.publish(channel(true, 5)).await;
        // Until the stream is past its position.
        tokio::time::sleep(Duration::from_secs(1)).await;
        within_a_second(&channel(false, 6), 3).await;
        // It is not in the stream; the next event is.
        fleet.new_video(OWNER, 4, "four").await;
        assert_eq!(live.messages(1).await, ["four"]);
        fleet.until_unread(A, 4).await;
        within_a_second(&video(1, true, true, 2), 3).await;
        within_a_second(&video(2, false, false, 2), 2).await;
        fleet.publish(video(1, true, false, 1)).await;
        let mut again = Events::open(fleet.request(Method::GET, "notifications/stream?lastEventId=0", A)).await;
        assert_eq!(again.messages(2).await, ["hidden", "four"]);
        within_a_second(&video(1, true, false, 3), 3).await;
        within_a_second(&video(2, true, false, 3), 4).await;
        fleet.sandbox.stop().await;
    }
}

/// Makes the events of different types one type.
trait Publish {
    fn publish_to<'a>(&'a self, fleet: &'a Fleet) -> futures::future::BoxFuture<'a, ()>;
}

impl<E: fenz_events::Event + Clone + Sync> Publish for E {
    fn publish_to<'a>(&'a self, fleet: &'a Fleet) -> futures::future::BoxFuture<'a, ()> {
        Box::pin(fleet.publish(self.clone()))
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
        let mut live = Events::open(fleet.request(Method::GET, "notifications/stream", A)).await;
        fleet.publish(decision).await;
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
        fleet.put("notifications/settings", json!({"moderation": false}), A).await.ok();
        assert_eq!(fleet.unread(A).await, 0);
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
        fleet.publish(deleted).await;
        fleet.until_unread(A, 0).await;
        fleet.publish(deleted).await;
        fleet.publish(channel(false, 8)).await;

        let mut live = Events::open(fleet.request(Method::GET, "notifications/stream", OWNER)).await;
        let deletion = UserDeleted { user_id: OWNER, erasure_id: 5, version: 10, occurred_at };
        fleet.publish(deletion).await;
        while live.block().await.is_some() {}
        let erased = fleet.sandbox.process.shared.get::<Erased>();
        let reports = async |count: usize| {
            for _ in 0..400 {
                if erased.lock().unwrap().len() == count {
                    return erased.lock().unwrap()[count - 1].clone();
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            panic!("it did not report");
        };
        let report = reports(1).await;
        assert_eq!((report.user_id, report.erasure_id, report.service.as_str()), (OWNER, 5, "notification"));
        // The notification of the subscription, at least.
        assert!(report.removed >= 1);
        assert_eq!(total(&fleet, OWNER).await, "0");
        // A repeat, after late events.
        fleet.publish(MembershipChanged { user_id: OWNER, channel_id: A, tier: 1, version: 1, occurred_at }).await;
        fleet.publish(UserModerated { user_id: OWNER, outcome: "warned".into(), ..UserModerated::default() }).await;
        fleet.publish(deletion).await;
        reports(2).await;
        assert_eq!(total(&fleet, OWNER).await, "0");
        fleet.put("channels/8/mute", json!({}), OWNER).await.refused(401, "UNAUTHENTICATED");
        fleet.sandbox.stop().await;
    }
}
