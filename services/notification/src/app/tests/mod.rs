//! Use cases on every available database.

mod deletion;
mod model;
mod rules;
mod streams;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use fenz_chassis::{Platform, Process, settings::Sources};
use fenz_contract::events::v1::{ChannelChanged, MembershipChanged, NewVideo, VideoChanged};
use fenz_core::{Clock, Result, UserId};
use fenz_database::Txn;
use fenz_events::{ErasureRunner, Outbox};
use fenz_testkit::Database;
use sea_orm::DatabaseConnection;

use super::App;
use crate::{
    Config, Notifications,
    domain::{Entry, page::Page},
};

pub struct Fixture {
    pub app: App,
    pub clock: Clock,
    platform: Platform,
    /// Stops the background tasks when dropped.
    _process: tokio_util::sync::DropGuard,
    _folder: tempfile::TempDir,
}

pub async fn fixture(kind: Database) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = Sources::default();
    let url = kind.create(folder.path(), "notification").await.unwrap();
    sources.set(&["database", "url"], &url).unwrap();
    sources.set(&["database", "max_connections"], "4").unwrap();
    // No token is verified, so nothing needs to listen there.
    sources.set(&["peers", "auth"], "http://127.0.0.1:9").unwrap();
    let (settings, config) = sources.service::<Config>("notification").unwrap();
    let process = Process::default();
    let (platform, (db, _)) = fenz_chassis::connect::<Notifications>(settings, &process).await.unwrap();
    let erasures = ErasureRunner::new(&platform, &Outbox::start(&platform, &db).await.unwrap());
    let app = App::new(&platform, db.connection(), config, erasures, frame);
    Fixture { app, clock: platform.clock.clone(), platform, _process: process.stop.drop_guard(), _folder: folder }
}

/// One per database.
pub async fn fixtures() -> Vec<Fixture> {
    let mut all = Vec::new();
    for kind in Database::available() {
        all.push(fixture(kind).await);
    }
    all
}

/// The message in quotes.
fn frame(entry: Entry) -> Bytes {
    Bytes::from(serde_json::Value::from(entry.notification.message).to_string())
}

pub fn timestamp(at: DateTime<Utc>) -> pbjson_types::Timestamp {
    at.into()
}

impl Fixture {
    pub fn db(&self) -> &DatabaseConnection {
        &self.app.db
    }

    pub async fn transact<F: Future<Output = Result<()>>>(&self, work: impl Fn(Txn) -> F) {
        fenz_database::transact(self.db(), work).await.unwrap();
    }

    pub async fn publish(&self, channel: i64, video: i64, title: &str) {
        let (channel_id, video_id, title) = (channel, video, title.to_owned());
        let event = NewVideo {
            channel_id,
            video_id,
            title,
            occurred_at: Some(timestamp(self.clock.now())),
            ..Default::default()
        };
        self.transact(|txn| async { self.app.projection.new_video(&*{ txn }, &event).await }).await;
    }

    pub async fn member(&self, user: i64, channel: i64, tier: i32, version: i64) {
        self.member_since(user, channel, (tier, version), self.clock.now()).await;
    }

    pub async fn member_since(&self, user: i64, channel: i64, (tier, version): (i32, i64), at: DateTime<Utc>) {
        let (user_id, channel_id, occurred_at) = (user, channel, Some(timestamp(at)));
        let event = MembershipChanged { user_id, channel_id, tier, version, occurred_at };
        self.transact(|txn| async { self.app.projection.membership_changed(&*{ txn }, &event).await }).await;
    }

    pub async fn video(&self, video: i64, is_visible: bool, version: i64) {
        let event =
            VideoChanged { video_id: video, is_published: true, is_hidden: !is_visible, version, ..Default::default() };
        self.transact(|txn| async { self.app.projection.video_changed(&*{ txn }, &event).await }).await;
    }

    pub async fn channel(&self, channel: i64, name: &str, is_hidden: bool, version: i64) {
        let (channel_id, name) = (channel, name.to_owned());
        let event =
            ChannelChanged { channel_id, owner_id: channel + 1000, name, is_hidden, version, ..Default::default() };
        self.transact(|txn| async { self.app.projection.channel_changed(&*{ txn }, &event).await }).await;
    }

    /// Messages of a user's list, `*` after those that are read.
    pub async fn list(&self, user: i64) -> Vec<String> {
        let (entries, total) = self.app.list(UserId(user), Page { offset: 0, limit: 100 }).await.unwrap();
        assert_eq!(total, entries.len() as u64);
        entries.into_iter().map(|e| format!("{}{}", e.notification.message, if e.is_read { "*" } else { "" })).collect()
    }

    pub async fn unread(&self, user: i64) -> u64 {
        self.app.unread_count(UserId(user)).await.unwrap()
    }

    /// The id of the notification with a message.
    pub async fn id(&self, user: i64, message: &str) -> i64 {
        let (entries, _) = self.app.list(UserId(user), Page { offset: 0, limit: 100 }).await.unwrap();
        entries.into_iter().find(|e| e.notification.message == message).unwrap().notification.id
    }

    /// Advances the clock, so that later events have later times.
    pub fn tick(&self) -> TimeDelta {
        self.clock.advance(std::time::Duration::from_millis(5));
        TimeDelta::milliseconds(5)
    }
}
