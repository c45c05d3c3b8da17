//! Deleted channels, deleted users, and late events.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, SessionsEnded, UserDeleted, UserModerated};
use fenz_core::{ChannelId, Reason, UserId};
use fenz_events::UserDataEraser;

use super::{Fixture, fixtures, rules::count, timestamp};
use crate::{
    app::{StreamAccess, UserErasure},
    domain::Kind,
    store::tombstones,
};

const A: i64 = 1;
const B: i64 = 2;

impl Fixture {
    async fn channel_deleted(&self, channel: i64, version: i64, at: DateTime<Utc>) {
        let (channel_id, owner_id, occurred_at) = (channel, channel + 1000, Some(timestamp(at)));
        let event = ChannelDeleted { channel_id, owner_id, version, occurred_at };
        self.transact(|txn| async { self.app.projection.channel_deleted(&*{ txn }, &event).await }).await;
    }

    async fn sweep(&self) {
        for tombstone in tombstones::unswept(self.db(), 10).await.unwrap() {
            while self.app.sweep(tombstone).await.unwrap() > 0 {}
        }
    }

    async fn user_deleted(&self, user: i64) {
        let event = UserDeleted { user_id: user, erasure_id: user, version: 100, occurred_at: None };
        let (app, event) = (&self.app, &event);
        self.transact(|txn| async move {
            app.projection.user_deleted(&*txn, event).await?;
            app.erasures.request_in_txn(&txn, event).await.unwrap();
            Ok(())
        })
        .await;
    }

    async fn erase(&self, user: i64) -> u64 {
        let (eraser, mut removed) = (UserErasure(self.app.clone()), 0);
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
        self.transact(|txn| async { self.app.projection.user_moderated(&*{ txn }, &event).await }).await;
    }
}

#[tokio::test]
async fn a_deleted_channels_notifications_are_deleted_and_its_id_can_be_used_again() {
    for fixture in fixtures().await {
        fixture.channel(7, "Seven", false, 1).await;
        fixture.member(A, 7, 2, 5).await;
        fixture.app.set_muted(UserId(B), ChannelId(7), true).await.unwrap();
        fixture.tick();
        fixture.publish(7, 71, "one").await;
        assert_eq!(fixture.list(A).await.len(), 2);
        fixture.tick();
        let (deleted_at, old) = (fixture.clock.now(), fixture.clock.now() - chrono::TimeDelta::milliseconds(2));
        for _ in 0..2 {
            fixture.channel_deleted(7, 3, deleted_at).await;
            assert_eq!(fixture.list(A).await, ["You are a premium member of Seven"]);
        }
        // Late events of any kind restore nothing.
        fixture.channel(7, "Seven", false, 2).await;
        fixture.member_since(B, 7, (1, 1), old).await;
        fixture.tick();
        fixture.channel_deleted(7, 2, fixture.clock.now()).await;
        let late = fenz_contract::events::v1::NewVideo {
            channel_id: 7,
            video_id: 72,
            title: "late".into(),
            occurred_at: Some(timestamp(old)),
            ..Default::default()
        };
        fixture.transact(|txn| async { fixture.app.projection.new_video(&*{ txn }, &late).await }).await;
        assert_eq!(fixture.unread(A).await, 1);
        assert_eq!(count(&fixture, "channels").await + count(&fixture, "channel_events").await, 0);
        // A new channel with the same id, before the old one is swept.
        fixture.channel(7, "New Seven", false, 4).await;
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.publish(7, 73, "anew").await;
        assert_eq!(fixture.list(A).await, ["anew", "You are a premium member of Seven"]);
        fixture.member(3, 7, 1, 1).await;
        fixture.sweep().await;
        assert_eq!(count(&fixture, "memberships").await, 2);
        assert_eq!(fixture.list(A).await[0], "anew");
        assert_eq!(count(&fixture, "mutes").await, 0);
        fixture.app.prune_tombstones().await.unwrap();
        assert_eq!(count(&fixture, "deleted_channels").await, 1);
        fixture.clock.advance(Duration::from_secs(9 * 24 * 3600));
        fixture.app.prune_tombstones().await.unwrap();
        assert_eq!(count(&fixture, "deleted_channels").await, 0);
    }
}

/// The deletion of a channel arrives when a new one with its id already has members.
#[tokio::test]
async fn a_late_deletion_keeps_the_members_of_the_new_channel() {
    for fixture in fixtures().await {
        fixture.channel(7, "Seven", false, 1).await;
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        let ended = fixture.clock.now();
        fixture.tick();
        fixture.member(B, 7, 1, 1).await;
        fixture.tick();
        fixture.channel_deleted(7, 3, ended).await;
        // Before the sweep: a stale event of the new membership, then its end.
        fixture.member(B, 7, 2, 1).await;
        fixture.sweep().await;
        fixture.publish(7, 71, "anew").await;
        assert_eq!((fixture.list(A).await.len(), fixture.list(B).await), (0, vec!["anew".into()]));
        fixture.member(B, 7, 0, 2).await;
        assert_eq!(fixture.list(B).await, Vec::<String>::new());
        assert_eq!(count(&fixture, "memberships").await, 1);
    }
}

/// The channel service ends memberships after it deletes the channel; the events arrive
/// in any order.
#[tokio::test]
async fn a_membership_end_that_arrived_before_the_deletion_is_swept() {
    for fixture in fixtures().await {
        fixture.channel(7, "Seven", false, 1).await;
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        let ended = fixture.clock.now();
        fixture.tick();
        fixture.member(A, 7, 0, 2).await;
        fixture.channel_deleted(7, 3, ended).await;
        fixture.sweep().await;
        assert_eq!(count(&fixture, "memberships").await, 0);
    }
}

#[tokio::test]
async fn sweeping_deletes_direct_notifications_that_name_the_channel() {
    for fixture in fixtures().await {
        fixture.channel(7, "Seven", false, 1).await;
        for user in 1..=3 {
            fixture.member(user, 7, 2, 1).await;
        }
        assert_eq!(fixture.unread(A).await, 1);
        fixture.tick();
        fixture.channel_deleted(7, 2, fixture.clock.now()).await;
        fixture.sweep().await;
        assert_eq!(count(&fixture, "memberships").await, 0);
        assert_eq!((fixture.unread(A).await, fixture.list(A).await.len()), (0, 0));
    }
}

#[tokio::test]
async fn a_hidden_channels_notifications_are_not_found_and_hiding_writes_no_reader() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.publish(7, 71, "one").await;
        let id = fixture.id(A, "one").await;
        let readers = version(&fixture).await;
        fixture.channel(7, "Seven", true, 5).await;
        fixture.channel(7, "Seven", false, 4).await;
        assert_eq!((fixture.unread(A).await, fixture.list(A).await.len()), (0, 0));
        let refused = fixture.app.mark_read(UserId(A), id).await.unwrap_err();
        assert_eq!(refused.reason, Reason::NotificationNotFound);
        fixture.channel(7, "Seven", false, 6).await;
        assert_eq!((fixture.unread(A).await, fixture.list(A).await), (1, vec!["one".into()]));
        assert_eq!(version(&fixture).await, readers);
    }
}

/// The highest version of all readers: incremented by each write.
async fn version(fixture: &Fixture) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let sql = "SELECT COALESCE(MAX(version), 0) AS n FROM readers";
    let row = fixture.db().query_one_raw(Statement::from_string(fixture.db().get_database_backend(), sql)).await;
    row.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn a_deleted_users_rows_are_deleted_and_late_events_restore_none() {
    for fixture in fixtures().await {
        let user = UserId(A);
        let owned = ChannelChanged { channel_id: A, owner_id: A, name: "A".into(), version: 1, ..Default::default() };
        fixture.transact(|txn| async { fixture.app.projection.channel_changed(&*{ txn }, &owned).await }).await;
        fixture.member(B, A, 1, 1).await;
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        fixture.publish(A, 11, "mine").await;
        fixture.publish(7, 71, "one").await;
        fixture.app.update_settings(user, &[(Kind::VideoUpdate, false)]).await.unwrap();
        fixture.app.set_muted(user, ChannelId(8), true).await.unwrap();
        fixture.app.mark_read(user, fixture.id(A, "one").await).await.unwrap();
        fixture.moderated(A).await;
        fixture.app.create_ticket(StreamAccess { user, expires_at: None }).await.unwrap();
        assert_eq!(fixture.list(B).await, ["mine"]);

        fixture.user_deleted(A).await;
        assert_eq!(count(&fixture, "stream_tickets").await, 0);
        // Direct notifications, the user's membership and one of their channel, the
        // channel and its event, a mute, a read mark.
        assert!(fixture.erase(A).await >= 8);
        assert_eq!(fixture.erase(A).await, 0);
        assert_no_rows(&fixture).await;
        // Late events, requests with a token that has not expired, and a repeat.
        fixture.transact(|txn| async { fixture.app.projection.channel_changed(&*{ txn }, &owned).await }).await;
        let ended = SessionsEnded { user_id: A, ..Default::default() };
        fixture.transact(|txn| async { fixture.app.projection.sessions_ended(&*{ txn }, &ended).await }).await;
        fixture.member(A, 7, 1, 2).await;
        fixture.member(3, A, 1, 1).await;
        fixture.moderated(A).await;
        for refused in [
            fixture.app.set_muted(user, ChannelId(7), true).await.err(),
            fixture.app.update_settings(user, &[]).await.err(),
            fixture.app.mark_all_read(user).await.err(),
            fixture.app.create_ticket(StreamAccess { user, expires_at: None }).await.err(),
        ] {
            assert_eq!(refused.map(|error| error.reason), Some(Reason::Unauthenticated));
        }
        fixture.user_deleted(A).await;
        fixture.erase(A).await;
        assert_no_rows(&fixture).await;
        assert_eq!(fixture.list(B).await, Vec::<String>::new());
        fixture.clock.advance(Duration::from_secs(61));
        fixture.app.prune_tombstones().await.unwrap();
        assert_eq!(count(&fixture, "readers WHERE user_id = 1").await, 0);
    }
}

async fn assert_no_rows(fixture: &Fixture) {
    for rows in [
        "direct_notifications WHERE user_id = 1",
        "memberships WHERE user_id = 1",
        "mutes WHERE user_id = 1",
        "read_marks WHERE user_id = 1",
        "stream_tickets",
        "channels WHERE owner_id = 1",
        "channel_events WHERE channel_id = 1",
        "latest_events WHERE channel_id = 1 AND latest > 0",
        "readers WHERE user_id = 1 AND (wanted <> 255 OR watermark > 0)",
    ] {
        assert_eq!(count(fixture, rows).await, 0, "{rows}");
    }
}
