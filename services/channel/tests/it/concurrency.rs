//! Concurrent requests.

use std::collections::BTreeMap;

use fenz_contract::events::v1::MembershipChanged;
use fenz_testkit::{Database, Reply, eventually};
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

fn tally(replies: &[Reply]) -> BTreeMap<(u16, &str), usize> {
    let mut tally = BTreeMap::new();
    for reply in replies {
        *tally.entry((reply.status, reply.reason())).or_default() += 1;
    }
    tally
}

async fn repeat(database: Database, tries: usize) {
    let fleet = Fleet::start(database).await;
    let replies = futures::future::join_all((0..tries).map(|_| fleet.subscribe(7, OTHER))).await;
    let expected = BTreeMap::from([((200, ""), 1), ((409, "ALREADY_SUBSCRIBED"), tries - 1)]);
    assert_eq!(tally(&replies), expected, "{database:?}");
    assert_eq!(fleet.count("memberships").await, 1);
    assert_eq!(fleet.get("channels/7", 0).await.ok("channel")["subscriberCount"], json!("1"));
    let replies = futures::future::join_all((0..tries / 10).map(|_| fleet.unsubscribe(7, OTHER))).await;
    let expected = BTreeMap::from([((200, ""), 1), ((400, "NOT_SUBSCRIBED"), tries / 10 - 1)]);
    assert_eq!(tally(&replies), expected, "{database:?}");
    assert_eq!(fleet.get("channels/7", 0).await.ok("channel")["subscriberCount"], json!("0"));
    let events = || fleet.events.all::<MembershipChanged>().len();
    eventually(async || events() == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_repeats_create_one_membership() {
    for database in Database::available() {
        repeat(database, 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_concurrent_repeats_create_one_membership() {
    repeat(Database::of_a_fleet(), 1_000).await;
}

/// Users subscribe and unsubscribe on two channels concurrently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_match_the_rows() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let one = async |n: i64| {
            let (channel, user) = ([OWNER, OTHER][n as usize % 2], 100 + n % 10);
            if n % 3 == 2 { fleet.unsubscribe(channel, user).await } else { fleet.subscribe(channel, user).await }
        };
        let replies = futures::future::join_all((0..120).map(one)).await;
        assert!(replies.iter().all(|r| r.status < 500), "{:?}", tally(&replies));
        for channel in [OWNER, OTHER] {
            let members = fleet.count(&format!("memberships WHERE channel_id = {channel} AND tier > 0")).await;
            let seen = fleet.get(&format!("channels/{channel}"), 0).await.ok("channel");
            assert_eq!(seen["subscriberCount"], json!(members.to_string()), "{database:?}");
        }
    }
}
