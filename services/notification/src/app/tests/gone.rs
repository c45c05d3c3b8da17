//! Deleted channels, deleted users, and what comes late.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_chassis::{Reason, UserId};
use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, SessionsEnded, UserDeleted, UserModerated};
use fenz_events::Eraser;

use super::{Place, places, rules::count, stamp};
use crate::{
    app::{Forgetting, Listening},
    domain::Kind,
    store::gone,
};

const A: i64 = 1;
const B: i64 = 2;

impl Place {
    async fn channel_deleted(&self, channel: i64, version: i64, at: DateTime<Utc>) {
        let (channel_id, owner_id, occurred_at) = (channel, channel + 1000, Some(stamp(at)));
        let event = ChannelDeleted { channel_id, owner_id, version, occurred_at };
        self.take(|txn| async { self.app.take_in.channel_deleted(&*{ txn }, &event).await }).await;
    }

    async fn sweep(&self) {
        for deleted in gone::unswept(self.db(), 10).await.unwrap() {
            while self.app.sweep(deleted).await.unwrap() > 0 {}
        }
    }

    async fn user_deleted(&self, user: i64) {
        let event = UserDeleted { user_id: user, erasure_id: user, version: 100, occurred_at: None };
        let (app, event) = (&self.app, &event);
        self.take(|txn| async move {
            app.take_in.user_deleted(&*txn, event).await?;
            app.erasures.order_in_txn(&txn, event).await.unwrap();
            Ok(())
        })
        .await;
    }

    async fn erase(&self, user: i64) -> u64 {
        let (eraser, mut removed) = (Forgetting(self.app.clone()), 0);
        loop {
            let portion = eraser.erase(UserId(user)).await.unwrap();
            removed += portion.removed;
            if portion.done {
                return removed;
            }
        }
    }

    async fn moderated(&self, user: i64) {
        let event = UserModerated {
            user_id: user,
            outcome: "warned".into(),
            object_type: "video".into(),
            object_id: 71,
            object_title: "T".into(),
            ..UserModerated::default()
        };
        self.take(|txn| async { self.app.take_in.user_moderated(&*{ txn }, &event).await }).await;
    }
}

#[tokio::test]
async fn a_deleted_channel_takes_its_notices_along_and_may_begin_anew() {
    for place in places().await {
        place.channel(7, "Seven", false, 1).await;
        place.member(A, 7, 2, 5).await;
        place.app.set_muted(UserId(B), 7, true).await.unwrap();
        place.tick();
        place.publish(7, 71, "one").await;
        assert_eq!(place.list(A).await.len(), 2);
        place.tick();
        let (deleted_at, old) = (place.clock.now(), place.clock.now() - chrono::TimeDelta::milliseconds(2));
        for _ in 0..2 {
            place.channel_deleted(7, 3, deleted_at).await;
            assert_eq!(place.list(A).await, ["You are a premium member of Seven"]);
        }
        // What comes late, of any kind, brings nothing back.
        place.channel(7, "Seven", false, 2).await;
        place.member_since(B, 7, (1, 1), old).await;
        place.tick();
        place.channel_deleted(7, 2, place.clock.now()).await;
        let late = fenz_contract::events::v1::NewVideo {
            channel_id: 7,
            video_id: 72,
            title: "late".into(),
            occurred_at: Some(stamp(old)),
            ..Default::default()
        };
        place.take(|txn| async { place.app.take_in.new_video(&*{ txn }, &late).await }).await;
        assert_eq!(place.unread(A).await, 1);
        assert_eq!(count(&place, "channels").await + count(&place, "channel_events").await, 0);
        // One of the same id begins, before all of the old one is swept.
        place.channel(7, "New Seven", false, 4).await;
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.publish(7, 73, "anew").await;
        assert_eq!(place.list(A).await, ["anew", "You are a premium member of Seven"]);
        place.member(3, 7, 1, 1).await;
        place.sweep().await;
        assert_eq!(count(&place, "memberships").await, 2);
        assert_eq!(place.list(A).await[0], "anew");
        assert_eq!(count(&place, "mutes").await, 0);
        place.app.prune_gone().await.unwrap();
        assert_eq!(count(&place, "deleted_channels").await, 1);
        place.clock.advance(Duration::from_secs(9 * 24 * 3600));
        place.app.prune_gone().await.unwrap();
        assert_eq!(count(&place, "deleted_channels").await, 0);
    }
}

/// The end of a channel is heard of when another of its id has members already.
#[tokio::test]
async fn a_late_end_leaves_the_members_of_the_next_channel_alone() {
    for place in places().await {
        place.channel(7, "Seven", false, 1).await;
        place.member(A, 7, 1, 1).await;
        place.tick();
        let ended = place.clock.now();
        place.tick();
        place.member(B, 7, 1, 1).await;
        place.tick();
        place.channel_deleted(7, 3, ended).await;
        // Before the sweep: an old word of the new membership, then its end.
        place.member(B, 7, 2, 1).await;
        place.sweep().await;
        place.publish(7, 71, "anew").await;
        assert_eq!((place.list(A).await.len(), place.list(B).await), (0, vec!["anew".into()]));
        place.member(B, 7, 0, 2).await;
        assert_eq!(place.list(B).await, Vec::<String>::new());
        assert_eq!(count(&place, "memberships").await, 1);
    }
}

/// Channel ends memberships a moment after the channel, and is heard in any order.
#[tokio::test]
async fn an_end_that_overtook_its_channels_is_swept() {
    for place in places().await {
        place.channel(7, "Seven", false, 1).await;
        place.member(A, 7, 1, 1).await;
        place.tick();
        let ended = place.clock.now();
        place.tick();
        place.member(A, 7, 0, 2).await;
        place.channel_deleted(7, 3, ended).await;
        place.sweep().await;
        assert_eq!(count(&place, "memberships").await, 0);
    }
}

#[tokio::test]
async fn sweeping_takes_what_members_were_told_by_name() {
    for place in places().await {
        place.channel(7, "Seven", false, 1).await;
        for user in 1..=3 {
            place.member(user, 7, 2, 1).await;
        }
        assert_eq!(place.unread(A).await, 1);
        place.tick();
        place.channel_deleted(7, 2, place.clock.now()).await;
        place.sweep().await;
        assert_eq!(count(&place, "memberships").await, 0);
        assert_eq!((place.unread(A).await, place.list(A).await.len()), (0, 0));
    }
}

#[tokio::test]
async fn a_hidden_channels_notices_cannot_be_read_and_write_nothing_per_member() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.publish(7, 71, "one").await;
        let id = place.id(A, "one").await;
        let readers = version(&place).await;
        place.channel(7, "Seven", true, 5).await;
        place.channel(7, "Seven", false, 4).await;
        assert_eq!((place.unread(A).await, place.list(A).await.len()), (0, 0));
        let refused = place.app.mark_read(UserId(A), id).await.unwrap_err();
        assert_eq!(refused.reason, Reason::NotificationNotFound);
        place.channel(7, "Seven", false, 6).await;
        assert_eq!((place.unread(A).await, place.list(A).await), (1, vec!["one".into()]));
        assert_eq!(version(&place).await, readers);
    }
}

/// Of all readers, added up: grows with each write to one.
async fn version(place: &Place) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let sql = "SELECT COALESCE(MAX(version), 0) AS n FROM readers";
    let row = place.db().query_one_raw(Statement::from_string(place.db().get_database_backend(), sql)).await;
    row.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_nothing_comes_back() {
    for place in places().await {
        let user = UserId(A);
        let owned = ChannelChanged { channel_id: A, owner_id: A, name: "A".into(), version: 1, ..Default::default() };
        place.take(|txn| async { place.app.take_in.channel_changed(&*{ txn }, &owned).await }).await;
        place.member(B, A, 1, 1).await;
        place.member(A, 7, 1, 1).await;
        place.tick();
        place.publish(A, 11, "mine").await;
        place.publish(7, 71, "one").await;
        place.app.want(user, &[(Kind::VideoUpdate, false)]).await.unwrap();
        place.app.set_muted(user, 8, true).await.unwrap();
        place.app.mark_read(user, place.id(A, "one").await).await.unwrap();
        place.moderated(A).await;
        place.app.create_ticket(Listening { user, until: None }).await.unwrap();
        assert_eq!(place.list(B).await, ["mine"]);

        place.user_deleted(A).await;
        assert_eq!(count(&place, "stream_tickets").await, 0);
        // Until all is gone: notices, a membership of theirs and one of their
        // channel, the channel and its event, a mute, a mark.
        assert!(place.erase(A).await >= 8);
        assert_eq!(place.erase(A).await, 0);
        check_nothing(&place).await;
        // Late events, requests with a token that still lives, and a repeat.
        place.take(|txn| async { place.app.take_in.channel_changed(&*{ txn }, &owned).await }).await;
        let ended = SessionsEnded { user_id: A, ..Default::default() };
        place.take(|txn| async { place.app.take_in.sessions_ended(&*{ txn }, &ended).await }).await;
        place.member(A, 7, 1, 2).await;
        place.member(3, A, 1, 1).await;
        place.moderated(A).await;
        for refused in [
            place.app.set_muted(user, 7, true).await.err(),
            place.app.want(user, &[]).await.err(),
            place.app.mark_all_read(user).await.err(),
            place.app.create_ticket(Listening { user, until: None }).await.err(),
        ] {
            assert_eq!(refused.map(|error| error.reason), Some(Reason::Unauthenticated));
        }
        place.user_deleted(A).await;
        place.erase(A).await;
        check_nothing(&place).await;
        assert_eq!(place.list(B).await, Vec::<String>::new());
        place.clock.advance(Duration::from_secs(61));
        place.app.prune_gone().await.unwrap();
        assert_eq!(count(&place, "readers WHERE user_id = 1").await, 0);
    }
}

async fn check_nothing(place: &Place) {
    for of_user in [
        "direct_notices WHERE user_id = 1",
        "memberships WHERE user_id = 1",
        "mutes WHERE user_id = 1",
        "read_marks WHERE user_id = 1",
        "stream_tickets",
        "channels WHERE owner_id = 1",
        "channel_events WHERE channel_id = 1",
        "channel_heads WHERE channel_id = 1 AND latest > 0",
        "readers WHERE user_id = 1 AND (wanted <> 127 OR watermark > 0)",
    ] {
        assert_eq!(count(place, of_user).await, 0, "{of_user}");
    }
}
