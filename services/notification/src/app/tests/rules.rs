//! What is whose, and when it is read.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fenz_chassis::{Reason, UserId, database::Txn};
use fenz_contract::events::v1::{NewVideo, VideoDeleted, VideoUpdate};
use sea_orm::{ConnectionTrait, Statement};

use super::{places, stamp};
use crate::{app::Listening, domain::Kind, domain::page::Page};

const A: i64 = 1;
const B: i64 = 2;

#[tokio::test]
async fn members_find_what_came_since_they_joined() {
    for place in places().await {
        place.channel(7, "Seven", false, 1).await;
        place.publish(7, 70, "before").await;
        place.tick();
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.publish(7, 71, "片 🎬").await;
        place.publish(8, 80, "elsewhere").await;
        assert_eq!(place.list(A).await, ["片 🎬"]);
        assert_eq!(place.list(B).await, Vec::<String>::new());
        assert_eq!((place.unread(A).await, place.unread(B).await), (1, 0));
        // The owner hears of the first time alone.
        place.member(A, 7, 0, 2).await;
        assert_eq!(place.list(A).await, Vec::<String>::new());
        place.member(A, 7, 1, 3).await;
        place.member(A, 7, 0, 2).await;
        place.tick();
        place.publish(7, 72, "again").await;
        assert_eq!(place.list(A).await, ["again"]);
        let owner = place.app.list(UserId(1007), Page { offset: 0, limit: 10 }).await.unwrap().0;
        assert_eq!(owner.len(), 1);
        assert_eq!(owner[0].notice.kind, Kind::Subscription);
        assert_eq!(owner[0].notice.payload, r#"{"channelId":"7","userId":"1"}"#);
        // Paid memberships begin and end.
        place.member(A, 7, 2, 4).await;
        place.member(A, 7, 1, 5).await;
        let told = ["Your premium membership of Seven has ended", "You are a premium member of Seven", "again"];
        assert_eq!(place.list(A).await, told);
    }
}

#[tokio::test]
async fn a_membership_that_comes_late_begins_when_it_began() {
    for place in places().await {
        place.publish(7, 70, "before").await;
        place.tick();
        let joined = place.clock.now();
        place.tick();
        place.publish(7, 71, "after").await;
        place.member_since(A, 7, (1, 1), joined).await;
        assert_eq!(place.list(A).await, ["after"]);
        // An event that comes late is not born read.
        place.app.mark_all_read(UserId(A)).await.unwrap();
        let event = VideoUpdate {
            channel_id: 7,
            video_id: 71,
            title: "late".into(),
            occurred_at: Some(stamp(joined - TimeDelta::hours(1))),
        };
        place.take(|txn| async { place.app.take_in.video_update(&*{ txn }, &event).await }).await;
        assert_eq!(place.list(A).await, ["late", "after*"]);
        assert_eq!(place.unread(A).await, 1);
    }
}

#[tokio::test]
async fn what_is_hidden_is_gone_and_comes_back_in_its_place() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.tick();
        for (video, title) in [(71, "one"), (72, "two"), (73, "three")] {
            place.publish(7, video, title).await;
        }
        assert_eq!(place.unread(A).await, 3);
        place.video(72, false, 5).await;
        assert_eq!((place.list(A).await, place.unread(A).await), (vec!["three".into(), "one".into()], 2));
        place.video(72, true, 4).await;
        assert_eq!(place.unread(A).await, 2);
        place.video(72, true, 6).await;
        assert_eq!(place.list(A).await, ["three", "two", "one"]);
        // The newest of all.
        place.video(73, false, 1).await;
        assert_eq!(place.list(A).await, ["two", "one"]);
        let deleted = VideoDeleted { video_id: 72, channel_id: 7, ..Default::default() };
        place.take(|txn| async { place.app.take_in.video_deleted(&*{ txn }, &deleted).await }).await;
        place.video(72, true, 9).await;
        assert_eq!((place.list(A).await, place.unread(A).await), (vec!["one".into()], 1));
        // Hidden before we hear that it is out.
        place.video(74, false, 1).await;
        place.publish(7, 74, "never").await;
        assert_eq!(place.unread(A).await, 1);
        place.channel(7, "Seven", true, 1).await;
        assert_eq!((place.list(A).await.len(), place.unread(A).await), (0, 0));
        place.channel(7, "Seven", false, 2).await;
        assert_eq!((place.list(A).await, place.unread(A).await), (vec!["one".into()], 1));
    }
}

/// A draft is published, and that it is out is heard before that it is public:
/// the notice has its place at once, for streams that are past it later.
#[tokio::test]
async fn a_publication_may_overtake_the_change_of_its_draft() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.video(75, false, 1).await;
        let event = NewVideo {
            channel_id: 7,
            video_id: 75,
            title: "out".into(),
            occurred_at: Some(stamp(place.clock.now())),
            version: 2,
            ..NewVideo::default()
        };
        place.take(|txn| async { place.app.take_in.new_video(&*{ txn }, &event).await }).await;
        assert_eq!(place.list(A).await, ["out"]);
        place.video(75, true, 2).await;
        assert_eq!(place.list(A).await, ["out"]);
        // Hidden meanwhile, it is not told.
        place.video(76, false, 3).await;
        let hidden = NewVideo { video_id: 76, ..event };
        place.take(|txn| async { place.app.take_in.new_video(&*{ txn }, &hidden).await }).await;
        assert_eq!(place.list(A).await, ["out"]);
    }
}

#[tokio::test]
async fn muting_and_settings_take_away_and_give_back() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.member(A, 8, 1, 1).await;
        place.tick();
        place.publish(7, 71, "seven").await;
        place.publish(8, 81, "eight").await;
        let user = UserId(A);
        for _ in 0..2 {
            place.app.set_muted(user, 8, true).await.unwrap();
            assert_eq!((place.list(A).await, place.unread(A).await), (vec!["seven".into()], 1));
        }
        place.app.set_muted(user, 8, false).await.unwrap();
        assert_eq!(place.unread(A).await, 2);
        let wanted = place.app.want(user, &[(Kind::NewVideo, false)]).await.unwrap();
        assert!(!wanted.has(Kind::NewVideo) && wanted.has(Kind::VideoUpdate));
        assert_eq!((place.list(A).await.len(), place.unread(A).await), (0, 0));
        let event = VideoUpdate { channel_id: 7, video_id: 71, title: "7".into(), ..Default::default() };
        place.take(|txn| async { place.app.take_in.video_update(&*{ txn }, &event).await }).await;
        assert_eq!(place.list(A).await, ["7"]);
        assert_eq!(place.app.want(user, &[]).await.unwrap(), wanted);
        place.app.want(user, &[(Kind::NewVideo, true)]).await.unwrap();
        assert_eq!(place.list(A).await, ["7", "eight", "seven"]);
    }
}

#[tokio::test]
async fn reading_needs_a_notice_of_ones_own() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.publish(7, 71, "one").await;
        place.publish(7, 72, "two").await;
        let id = place.id(A, "one").await;
        for (user, id) in [(B, id), (A, id + 1)] {
            let error = place.app.mark_read(UserId(user), id).await.unwrap_err();
            assert_eq!(error.reason, Reason::NotificationNotFound);
        }
        for _ in 0..2 {
            place.app.mark_read(UserId(A), id).await.unwrap();
            assert_eq!((place.list(A).await, place.unread(A).await), (vec!["two".into(), "one*".into()], 1));
        }
        place.app.mark_all_read(UserId(A)).await.unwrap();
        assert_eq!((place.list(A).await, place.unread(A).await), (vec!["two*".into(), "one*".into()], 0));
        place.app.mark_read(UserId(A), id).await.unwrap();
        assert_eq!(place.unread(A).await, 0);
    }
}

#[tokio::test]
async fn one_row_for_an_event_and_none_after_ninety_days() {
    for place in places().await {
        for user in 1..=10 {
            place.member(user, 70, 1, 1).await;
        }
        place.tick();
        place.publish(70, 71, "old").await;
        assert_eq!(count(&place, "channel_events").await, 1);
        place.app.mark_read(UserId(A), place.id(A, "old").await).await.unwrap();
        place.clock.advance(Duration::from_secs(91 * 24 * 3600));
        place.publish(70, 72, "new").await;
        place.app.prune().await.unwrap();
        assert_eq!(place.list(A).await, ["new"]);
        assert_eq!((place.unread(A).await, place.unread(70).await), (1, 0));
        assert_eq!(count(&place, "channel_events").await, 1);
        assert_eq!(count(&place, "direct_notices").await + count(&place, "read_marks").await, 0);
        place.clock.advance(Duration::from_secs(91 * 24 * 3600));
        place.app.prune().await.unwrap();
        assert_eq!(count(&place, "channel_heads").await, 0);
        assert_eq!((place.list(A).await.len(), place.unread(A).await), (0, 0));
    }
}

/// Counts that are kept elsewhere: nothing that they are checked against moves.
#[tokio::test]
async fn what_another_replica_dropped_is_not_counted() {
    for place in places().await {
        // The owner is told, and that is a notice of theirs alone.
        place.member(A, 70, 1, 1).await;
        let other = super::hub::replica(&place).0;
        assert_eq!(other.unread_count(UserId(70)).await.unwrap(), 1);
        place.clock.advance(Duration::from_secs(91 * 24 * 3600));
        place.app.prune().await.unwrap();
        assert_eq!(place.unread(70).await, 0);
        other.prune().await.unwrap();
        assert_eq!(other.unread_count(UserId(70)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn two_updates_at_once_are_told_once() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.publish(7, 71, "one").await;
        let occurred_at = Some(stamp(place.clock.now()));
        let update = async |title: &str| {
            let event = &VideoUpdate { channel_id: 7, video_id: 71, title: title.into(), occurred_at };
            let take_in = &place.app.take_in;
            let slowly = |txn: Txn| async move {
                take_in.video_update(&*txn, event).await?;
                // So that the other has begun before this one is stored.
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(())
            };
            place.take(slowly).await;
        };
        tokio::join!(update("two"), update("two"));
        assert_eq!(place.list(A).await, ["two", "one"]);
    }
}

pub async fn count(place: &super::Place, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let statement = Statement::from_string(place.db().get_database_backend(), sql);
    place.db().query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn a_ticket_is_used_once_and_within_a_minute() {
    for place in places().await {
        let ticket = place.app.create_ticket(listening(None)).await.unwrap();
        let (one, other) = tokio::join!(place.app.use_ticket(&ticket), place.app.use_ticket(&ticket));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
        let late = place.app.create_ticket(listening(None)).await.unwrap();
        place.clock.advance(Duration::from_secs(61));
        assert_eq!(place.app.use_ticket(&late).await.unwrap_err().reason, Reason::TokenInvalid);
        assert_eq!(place.app.use_ticket("x").await.unwrap_err().reason, Reason::TokenInvalid);
        let forgotten = place.app.create_ticket(listening(None)).await.unwrap();
        place.clock.advance(Duration::from_secs(61));
        place.app.prune_tickets().await.unwrap();
        assert!(place.app.use_ticket(&forgotten).await.is_err());
        assert_eq!(count(&place, "stream_tickets").await, 0);
        // It opens nothing when the token that it was made with has ended.
        let soon = place.clock.now() + TimeDelta::seconds(10);
        let ticket = place.app.create_ticket(listening(Some(soon))).await.unwrap();
        assert_eq!(place.app.use_ticket(&ticket).await.unwrap(), listening(Some(soon)));
        let ticket = place.app.create_ticket(listening(Some(soon))).await.unwrap();
        place.clock.advance(Duration::from_secs(11));
        assert!(place.app.use_ticket(&ticket).await.is_err());
    }
}

fn listening(until: Option<DateTime<Utc>>) -> Listening {
    Listening { user: UserId(A), until }
}
