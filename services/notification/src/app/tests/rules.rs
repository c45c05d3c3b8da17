//! Who receives which notifications, and read state.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fenz_contract::events::v1::{NewVideo, VideoDeleted, VideoUpdate};
use fenz_core::{ChannelId, Reason, UserId};
use fenz_database::Txn;
use sea_orm::{ConnectionTrait, Statement};

use super::{fixtures, timestamp};
use crate::{app::StreamAccess, domain::Kind, domain::page::Page};

const A: i64 = 1;
const B: i64 = 2;

#[tokio::test]
async fn members_receive_events_since_they_joined() {
    for fixture in fixtures().await {
        fixture.channel(7, "Seven", false, 1).await;
        fixture.publish(7, 70, "before").await;
        fixture.tick();
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.publish(7, 71, "片 🎬").await;
        fixture.publish(8, 80, "elsewhere").await;
        assert_eq!(fixture.list(A).await, ["片 🎬"]);
        assert_eq!(fixture.list(B).await, Vec::<String>::new());
        assert_eq!((fixture.unread(A).await, fixture.unread(B).await), (1, 0));
        // The owner is notified of the first subscription only.
        fixture.member(A, 7, 0, 2).await;
        assert_eq!(fixture.list(A).await, Vec::<String>::new());
        fixture.member(A, 7, 1, 3).await;
        fixture.member(A, 7, 0, 2).await;
        fixture.tick();
        fixture.publish(7, 72, "again").await;
        assert_eq!(fixture.list(A).await, ["again"]);
        let owner = fixture.app.list(UserId(1007), Page { offset: 0, limit: 10 }).await.unwrap().0;
        assert_eq!(owner.len(), 1);
        assert_eq!(owner[0].notification.kind, Kind::Subscription);
        assert_eq!(owner[0].notification.payload, r#"{"channelId":"7","userId":"1"}"#);
        // Paid memberships start and end.
        fixture.member(A, 7, 2, 4).await;
        fixture.member(A, 7, 1, 5).await;
        let expected = ["Your premium membership of Seven has ended", "You are a premium member of Seven", "again"];
        assert_eq!(fixture.list(A).await, expected);
    }
}

#[tokio::test]
async fn a_late_membership_counts_from_when_it_began() {
    for fixture in fixtures().await {
        fixture.publish(7, 70, "before").await;
        fixture.tick();
        let joined = fixture.clock.now();
        fixture.tick();
        fixture.publish(7, 71, "after").await;
        fixture.member_since(A, 7, (1, 1), joined).await;
        assert_eq!(fixture.list(A).await, ["after"]);
        // A late event is unread.
        fixture.app.mark_all_read(UserId(A)).await.unwrap();
        let event = VideoUpdate {
            channel_id: 7,
            video_id: 71,
            title: "late".into(),
            occurred_at: Some(timestamp(joined - TimeDelta::hours(1))),
        };
        fixture.transact(|txn| async { fixture.app.projection.video_update(&*{ txn }, &event).await }).await;
        assert_eq!(fixture.list(A).await, ["late", "after*"]);
        assert_eq!(fixture.unread(A).await, 1);
    }
}

#[tokio::test]
async fn hidden_notifications_disappear_and_return_at_their_old_positions() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        for (video, title) in [(71, "one"), (72, "two"), (73, "three")] {
            fixture.publish(7, video, title).await;
        }
        assert_eq!(fixture.unread(A).await, 3);
        fixture.video(72, false, 5).await;
        assert_eq!((fixture.list(A).await, fixture.unread(A).await), (vec!["three".into(), "one".into()], 2));
        fixture.video(72, true, 4).await;
        assert_eq!(fixture.unread(A).await, 2);
        fixture.video(72, true, 6).await;
        assert_eq!(fixture.list(A).await, ["three", "two", "one"]);
        // The newest event of the channel.
        fixture.video(73, false, 1).await;
        assert_eq!(fixture.list(A).await, ["two", "one"]);
        let deleted = VideoDeleted { video_id: 72, channel_id: 7, ..Default::default() };
        fixture.transact(|txn| async { fixture.app.projection.video_deleted(&*{ txn }, &deleted).await }).await;
        fixture.video(72, true, 9).await;
        assert_eq!((fixture.list(A).await, fixture.unread(A).await), (vec!["one".into()], 1));
        // Hidden before its publication arrives.
        fixture.video(74, false, 1).await;
        fixture.publish(7, 74, "never").await;
        assert_eq!(fixture.unread(A).await, 1);
        fixture.channel(7, "Seven", true, 1).await;
        assert_eq!((fixture.list(A).await.len(), fixture.unread(A).await), (0, 0));
        fixture.channel(7, "Seven", false, 2).await;
        assert_eq!((fixture.list(A).await, fixture.unread(A).await), (vec!["one".into()], 1));
    }
}

/// `NewVideo` may arrive before the `VideoChanged` of the publication: the notification
/// is visible at once, as streams do not return to an earlier position.
#[tokio::test]
async fn a_publication_may_arrive_before_the_change_of_its_draft() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.video(75, false, 1).await;
        let event = NewVideo {
            channel_id: 7,
            video_id: 75,
            title: "out".into(),
            occurred_at: Some(timestamp(fixture.clock.now())),
            version: 2,
            ..NewVideo::default()
        };
        fixture.transact(|txn| async { fixture.app.projection.new_video(&*{ txn }, &event).await }).await;
        assert_eq!(fixture.list(A).await, ["out"]);
        fixture.video(75, true, 2).await;
        assert_eq!(fixture.list(A).await, ["out"]);
        // Hidden in the meantime, it is not visible.
        fixture.video(76, false, 3).await;
        let hidden = NewVideo { video_id: 76, ..event };
        fixture.transact(|txn| async { fixture.app.projection.new_video(&*{ txn }, &hidden).await }).await;
        assert_eq!(fixture.list(A).await, ["out"]);
    }
}

#[tokio::test]
async fn muting_and_settings_filter_lists_and_can_be_undone() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.member(A, 8, 1, 1).await;
        fixture.tick();
        fixture.publish(7, 71, "seven").await;
        fixture.publish(8, 81, "eight").await;
        let user = UserId(A);
        for _ in 0..2 {
            fixture.app.set_muted(user, ChannelId(8), true).await.unwrap();
            assert_eq!((fixture.list(A).await, fixture.unread(A).await), (vec!["seven".into()], 1));
        }
        fixture.app.set_muted(user, ChannelId(8), false).await.unwrap();
        assert_eq!(fixture.unread(A).await, 2);
        let enabled = fixture.app.update_settings(user, &[(Kind::NewVideo, false)]).await.unwrap();
        assert!(!enabled.contains(Kind::NewVideo) && enabled.contains(Kind::VideoUpdate));
        assert_eq!((fixture.list(A).await.len(), fixture.unread(A).await), (0, 0));
        let event = VideoUpdate { channel_id: 7, video_id: 71, title: "7".into(), ..Default::default() };
        fixture.transact(|txn| async { fixture.app.projection.video_update(&*{ txn }, &event).await }).await;
        assert_eq!(fixture.list(A).await, ["7"]);
        assert_eq!(fixture.app.update_settings(user, &[]).await.unwrap(), enabled);
        fixture.app.update_settings(user, &[(Kind::NewVideo, true)]).await.unwrap();
        assert_eq!(fixture.list(A).await, ["7", "eight", "seven"]);
    }
}

#[tokio::test]
async fn only_own_notifications_can_be_marked_as_read() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.publish(7, 71, "one").await;
        fixture.publish(7, 72, "two").await;
        let id = fixture.id(A, "one").await;
        for (user, id) in [(B, id), (A, id + 1)] {
            let error = fixture.app.mark_read(UserId(user), id).await.unwrap_err();
            assert_eq!(error.reason, Reason::NotificationNotFound);
        }
        for _ in 0..2 {
            fixture.app.mark_read(UserId(A), id).await.unwrap();
            assert_eq!((fixture.list(A).await, fixture.unread(A).await), (vec!["two".into(), "one*".into()], 1));
        }
        fixture.app.mark_all_read(UserId(A)).await.unwrap();
        assert_eq!((fixture.list(A).await, fixture.unread(A).await), (vec!["two*".into(), "one*".into()], 0));
        fixture.app.mark_read(UserId(A), id).await.unwrap();
        assert_eq!(fixture.unread(A).await, 0);
    }
}

#[tokio::test]
async fn an_event_is_one_row_and_is_pruned_after_ninety_days() {
    for fixture in fixtures().await {
        for user in 1..=10 {
            fixture.member(user, 70, 1, 1).await;
        }
        fixture.tick();
        fixture.publish(70, 71, "old").await;
        assert_eq!(count(&fixture, "channel_events").await, 1);
        fixture.app.mark_read(UserId(A), fixture.id(A, "old").await).await.unwrap();
        fixture.clock.advance(Duration::from_secs(91 * 24 * 3600));
        fixture.publish(70, 72, "new").await;
        fixture.app.prune().await.unwrap();
        assert_eq!(fixture.list(A).await, ["new"]);
        assert_eq!((fixture.unread(A).await, fixture.unread(70).await), (1, 0));
        assert_eq!(count(&fixture, "channel_events").await, 1);
        assert_eq!(count(&fixture, "direct_notifications").await + count(&fixture, "read_marks").await, 0);
        fixture.clock.advance(Duration::from_secs(91 * 24 * 3600));
        fixture.app.prune().await.unwrap();
        assert_eq!(count(&fixture, "latest_events").await, 0);
        assert_eq!((fixture.list(A).await.len(), fixture.unread(A).await), (0, 0));
    }
}

/// Pruning changes nothing that another replica's cached counts are checked against.
#[tokio::test]
async fn notifications_pruned_by_another_replica_are_not_counted() {
    for fixture in fixtures().await {
        // The owner has one direct notification.
        fixture.member(A, 70, 1, 1).await;
        let other = super::streams::replica(&fixture).0;
        assert_eq!(other.unread_count(UserId(70)).await.unwrap(), 1);
        fixture.clock.advance(Duration::from_secs(91 * 24 * 3600));
        fixture.app.prune().await.unwrap();
        assert_eq!(fixture.unread(70).await, 0);
        other.prune().await.unwrap();
        assert_eq!(other.unread_count(UserId(70)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn of_two_concurrent_updates_one_is_notified() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.publish(7, 71, "one").await;
        let occurred_at = Some(timestamp(fixture.clock.now()));
        let update = async |title: &str| {
            let event = &VideoUpdate { channel_id: 7, video_id: 71, title: title.into(), occurred_at };
            let projection = &fixture.app.projection;
            let slow = |txn: Txn| async move {
                projection.video_update(&*txn, event).await?;
                // So that the other begins before this one commits.
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(())
            };
            fixture.transact(slow).await;
        };
        tokio::join!(update("two"), update("two"));
        assert_eq!(fixture.list(A).await, ["two", "one"]);
    }
}

pub async fn count(fixture: &super::Fixture, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let statement = Statement::from_string(fixture.db().get_database_backend(), sql);
    fixture.db().query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn a_ticket_is_used_once_and_within_a_minute() {
    for fixture in fixtures().await {
        let ticket = fixture.app.create_ticket(access(None)).await.unwrap();
        let (one, other) = tokio::join!(fixture.app.use_ticket(&ticket), fixture.app.use_ticket(&ticket));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
        let late = fixture.app.create_ticket(access(None)).await.unwrap();
        fixture.clock.advance(Duration::from_secs(61));
        assert_eq!(fixture.app.use_ticket(&late).await.unwrap_err().reason, Reason::TokenInvalid);
        assert_eq!(fixture.app.use_ticket("x").await.unwrap_err().reason, Reason::TokenInvalid);
        let expired = fixture.app.create_ticket(access(None)).await.unwrap();
        fixture.clock.advance(Duration::from_secs(61));
        fixture.app.prune_tickets().await.unwrap();
        assert!(fixture.app.use_ticket(&expired).await.is_err());
        assert_eq!(count(&fixture, "stream_tickets").await, 0);
        // It is refused when the token that it was made with has expired.
        let soon = fixture.clock.now() + TimeDelta::seconds(10);
        let ticket = fixture.app.create_ticket(access(Some(soon))).await.unwrap();
        assert_eq!(fixture.app.use_ticket(&ticket).await.unwrap(), access(Some(soon)));
        let ticket = fixture.app.create_ticket(access(Some(soon))).await.unwrap();
        fixture.clock.advance(Duration::from_secs(11));
        assert!(fixture.app.use_ticket(&ticket).await.is_err());
    }
}

fn access(expires_at: Option<DateTime<Utc>>) -> StreamAccess {
    StreamAccess { user: UserId(A), expires_at }
}
