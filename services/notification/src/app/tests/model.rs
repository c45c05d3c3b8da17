//! Lists and counts against a model that keeps a list for each user.

use std::collections::{BTreeMap, BTreeSet};

use fenz_core::{ChannelId, UserId};
use proptest::{prelude::Strategy, prop_oneof, strategy::ValueTree, test_runner::TestRunner};

use super::{Fixture, fixtures};
use crate::domain::{Kind, page::Page};

const USERS: i64 = 3;
const CHANNELS: i64 = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(i64),
    Join(i64, i64),
    Leave(i64, i64),
    Mute(i64, i64, bool),
    Enable(i64, bool),
    /// The n-th of the user's list.
    Read(i64, usize),
    ReadAll(i64),
    /// The n-th of all videos.
    Show(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let of = || (0..USERS, 100..100 + CHANNELS);
    prop_oneof![
        6 => (100..100 + CHANNELS).prop_map(Step::Publish),
        3 => of().prop_map(|(user, channel)| Step::Join(user, channel)),
        1 => of().prop_map(|(user, channel)| Step::Leave(user, channel)),
        1 => (of(), proptest::bool::ANY).prop_map(|((user, channel), on)| Step::Mute(user, channel, on)),
        1 => (0..USERS, proptest::bool::weighted(0.7)).prop_map(|(user, on)| Step::Enable(user, on)),
        3 => (0..USERS, 0..6_usize).prop_map(|(user, n)| Step::Read(user, n)),
        1 => (0..USERS).prop_map(Step::ReadAll),
        2 => (0..30_usize, proptest::bool::ANY).prop_map(|(n, on)| Step::Show(n, on)),
    ]
}

/// Videos are numbered in the order in which they are published.
#[derive(Default)]
struct Model {
    videos: Vec<(i64, bool)>,
    /// The first video that the member receives.
    members: BTreeMap<(i64, i64), usize>,
    muted: BTreeSet<(i64, i64)>,
    disabled: BTreeSet<i64>,
    read: BTreeSet<(i64, usize)>,
}

impl Model {
    /// The user's videos, the newest first, and whether they are read.
    fn list(&self, user: i64) -> Vec<(usize, bool)> {
        if self.disabled.contains(&user) {
            return Vec::new();
        }
        let is_theirs = |(number, (channel, visible)): &(usize, &(i64, bool))| {
            let since = self.members.get(&(user, *channel));
            *visible && since.is_some_and(|since| number >= since) && !self.muted.contains(&(user, *channel))
        };
        let theirs = self.videos.iter().enumerate().filter(is_theirs);
        theirs.map(|(number, _)| (number, self.read.contains(&(user, number)))).rev().collect()
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Publish(channel) => self.videos.push((channel, true)),
            Step::Join(user, channel) => {
                let next = self.videos.len();
                self.members.entry((user, channel)).or_insert(next);
            }
            Step::Leave(user, channel) => {
                self.members.remove(&(user, channel));
            }
            Step::Mute(user, channel, true) => {
                self.muted.insert((user, channel));
            }
            Step::Mute(user, channel, false) => {
                self.muted.remove(&(user, channel));
            }
            Step::Enable(user, true) => {
                self.disabled.remove(&user);
            }
            Step::Enable(user, false) => {
                self.disabled.insert(user);
            }
            Step::Read(user, n) => {
                if let Some((number, _)) = self.list(user).get(n) {
                    self.read.insert((user, *number));
                }
            }
            Step::ReadAll(user) => self.read.extend((0..self.videos.len()).map(|number| (user, number))),
            Step::Show(n, on) => {
                if let Some((_, visible)) = self.videos.get_mut(n) {
                    *visible = on;
                }
            }
        }
    }
}

async fn apply(fixture: &Fixture, step: Step, number: i64, model: &Model) {
    let app = &fixture.app;
    fixture.tick();
    match step {
        Step::Publish(channel) => {
            fixture.publish(channel, 1 + model.videos.len() as i64, &model.videos.len().to_string()).await;
        }
        Step::Join(user, channel) => fixture.member(user, channel, 1, number).await,
        Step::Leave(user, channel) => fixture.member(user, channel, 0, number).await,
        Step::Mute(user, channel, on) => app.set_muted(UserId(user), ChannelId(channel), on).await.unwrap(),
        Step::Enable(user, on) => {
            app.update_settings(UserId(user), &[(Kind::NewVideo, on)]).await.unwrap();
        }
        Step::Read(user, n) => {
            if let Some((video, _)) = model.list(user).get(n) {
                app.mark_read(UserId(user), fixture.id(user, &video.to_string()).await).await.unwrap();
            }
        }
        Step::ReadAll(user) => app.mark_all_read(UserId(user)).await.unwrap(),
        Step::Show(n, on) if n < model.videos.len() => fixture.video(1 + n as i64, on, number).await,
        Step::Show(..) => {}
    }
    fixture.tick();
}

async fn check(fixture: &Fixture, model: &Model, after: &[Step]) {
    for user in 0..USERS {
        let expected = model.list(user);
        let unread = expected.iter().filter(|(_, read)| !read).count() as u64;
        assert_eq!(fixture.unread(user).await, unread, "{user} {after:?}");
        let messages: Vec<_> =
            expected.iter().map(|(n, read)| format!("{n}{}", if *read { "*" } else { "" })).collect();
        assert_eq!(fixture.list(user).await, messages, "{user} {after:?}");
        for offset in [0, 2, 4] {
            let (page, _) = fixture.app.list(UserId(user), Page { offset, limit: 2 }).await.unwrap();
            let page: Vec<_> = page.into_iter().map(|entry| entry.notification.message).collect();
            let part: Vec<_> = expected.iter().skip(offset as usize).take(2).map(|(n, _)| n.to_string()).collect();
            assert_eq!(page, part, "{user} {offset} {after:?}");
        }
    }
}

#[tokio::test]
async fn lists_and_counts_match_the_model() {
    let mut runner = TestRunner::deterministic();
    for mut fixture in fixtures().await {
        let rounds = if fixture.db().get_database_backend() == sea_orm::DbBackend::Sqlite { 8 } else { 2 };
        for round in 0..rounds {
            let steps = proptest::collection::vec(step(), 40).new_tree(&mut runner).unwrap().current();
            let mut model = Model::default();
            for (number, step) in (1..).zip(&steps) {
                apply(&fixture, *step, number, &model).await;
                model.apply(*step);
                check(&fixture, &model, &steps[..number as usize]).await;
            }
            if round + 1 < rounds {
                fixture = super::fixture(kind(&fixture)).await;
            }
        }
    }
}

fn kind(fixture: &Fixture) -> fenz_testkit::Database {
    match fixture.db().get_database_backend() {
        sea_orm::DbBackend::Postgres => fenz_testkit::Database::Postgres,
        sea_orm::DbBackend::MySql => fenz_testkit::Database::MariaDb,
        _ => fenz_testkit::Database::Sqlite,
    }
}
