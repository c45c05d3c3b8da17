//! Views with Redis: shared by all replicas, exact while it is available, and counted in
//! memory while it is not.

use std::time::Duration;

use fenz_content::Content;
use fenz_contract::events::v1::ViewsCounted;
use fenz_testkit::{Client, Database, Redis, eventually};
use futures::future::join_all;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

/// A command that times out leaves its view uncounted, which a busy machine must not cause.
const TIMEOUT: (&str, &str) = ("redis.timeout", "10s");

async fn fleet(redis: &Redis, flush_every: &str) -> Fleet {
    let url = redis.url();
    let settings = [("redis.url", url.as_str()), TIMEOUT, ("content.views.flush_every", flush_every)];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    fleet
}

async fn watch(at: &Client, video: i64, sessions: std::ops::Range<usize>) {
    let view = async |n| at.get(&format!("videos/{video}?sessionId=session-{n:04}")).await;
    for reply in join_all(sessions.map(view)).await {
        reply.expect(200);
    }
}

async fn stored(fleet: &Fleet, video: i64, n: usize) -> bool {
    fleet.count(&format!("videos WHERE views_non_member = {n} AND id = {video}")).await == 1
}

#[tokio::test]
async fn replicas_count_a_viewer_once_and_flush_once() {
    let Some(url) = fenz_testkit::Server::Redis.url() else { return };
    for database in Database::available() {
        let prefix = Redis::prefix();
        let settings = [
            ("redis.url", url.as_str()),
            ("redis.prefix", &prefix),
            TIMEOUT,
            ("content.views.flush_every", "300ms"),
            ("content.cache.ttl", "1ms"),
        ];
        let fleet = Fleet::start_with_events(database, &settings).await;
        let other = Client::new(fleet.sandbox.start_replica::<Content>().await.unwrap());
        fleet.advance_to_next_hour();
        let video = fleet.video(json!({})).await;
        let here = fleet.client(0);
        tokio::join!(watch(&here, video, 0..60), watch(&other, video, 30..100));
        watch(&here, video, 0..100).await;
        fleet.get(&format!("videos/{video}"), OWNER).await.ok("video");
        eventually(async || stored(&fleet, video, 100).await).await;
        let events = || fleet.events.all::<ViewsCounted>().into_iter();
        let sum = || -> i64 { events().flat_map(|event| event.videos).map(|video| video.non_member).sum() };
        eventually(async || sum() == 100).await;
        // Two more flushes.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(stored(&fleet, video, 100).await);
        assert_eq!(sum(), 100);
        let video = fleet.get(&format!("videos/{video}"), OTHER).await.ok("video");
        assert_eq!(video["views"], "100");
    }
}

#[tokio::test]
async fn an_interrupted_flush_is_applied_once() {
    let Some(redis) = Redis::start().await else { return };
    let fleet = fleet(&redis, "300ms").await;
    let video = fleet.video(json!({})).await;
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    let field = format!("{video}:{hour}:n");
    let interrupt = async |id: &str| {
        redis.ask(&["HSET", &format!("content:views:flush:{id}"), "id", id, &field, "5"]).await;
        redis.ask(&["SADD", "content:views:flushes", id]).await;
    };
    interrupt("77").await;
    eventually(async || stored(&fleet, video, 5).await).await;
    // Applied, but the process crashed before it deleted the flush.
    eventually(async || redis.ask(&["EXISTS", "content:views:flush:77"]).await == "0").await;
    interrupt("77").await;
    eventually(async || redis.ask(&["EXISTS", "content:views:flush:77"]).await == "0").await;
    assert!(stored(&fleet, video, 5).await);
    // Redis restored from an old state: the counts contain their flush id.
    redis.ask(&["HSET", "content:views:buffer", "id", "77", &field, "5"]).await;
    eventually(async || redis.ask(&["EXISTS", "content:views:buffer"]).await == "0").await;
    eventually(async || redis.ask(&["SCARD", "content:views:flushes"]).await == "0").await;
    assert!(stored(&fleet, video, 5).await);
    assert_eq!(fleet.count("view_flushes").await, 1);
}

#[tokio::test]
async fn counts_are_in_redis_before_the_flush() {
    let Some(redis) = Redis::start().await else { return };
    let fleet = fleet(&redis, "1h").await;
    let video = fleet.video(json!({})).await;
    watch(&fleet.client(0), video, 0..20).await;
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    let counted = redis.ask(&["HGET", "content:views:buffer", &format!("{video}:{hour}:n")]).await;
    assert_eq!(counted, "20");
}

#[tokio::test]
async fn views_are_counted_in_memory_while_redis_is_unavailable() {
    let Some(mut redis) = Redis::start().await else { return };
    let fleet = fleet(&redis, "300ms").await;
    let video = fleet.video(json!({})).await;
    let here = fleet.client(0);
    watch(&here, video, 0..10).await;
    eventually(async || stored(&fleet, video, 10).await).await;
    redis.kill();
    // The first requests after the loss may or may not be counted.
    watch(&here, video, 100..103).await;
    watch(&here, video, 10..40).await;
    let all = async |least: usize, most: usize| {
        fleet.count(&format!("videos WHERE views_non_member BETWEEN {least} AND {most} AND id = {video}")).await == 1
    };
    eventually(async || all(40, 43).await).await;
    redis.run().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    watch(&here, video, 40..60).await;
    eventually(async || all(60, 63).await).await;
}

/// Only views that were not flushed are lost.
#[tokio::test]
async fn counting_continues_after_redis_was_emptied() {
    let Some(redis) = Redis::start().await else { return };
    let fleet = fleet(&redis, "1h").await;
    let video = fleet.video(json!({})).await;
    let here = fleet.client(0);
    let field = format!("{video}:{}:n", fleet.sandbox.process.clock.unix() / 3600);
    let counted = async || redis.ask(&["HGET", "content:views:buffer", &field]).await;
    watch(&here, video, 0..10).await;
    assert_eq!(counted().await, "10");
    redis.ask(&["FLUSHALL"]).await;
    watch(&here, video, 10..30).await;
    assert_eq!(counted().await, "20");
    assert_ne!(redis.ask(&["HGET", "content:views:buffer", "id"]).await, "");
}

#[tokio::test]
async fn a_full_buffer_becomes_a_flush() {
    let Some(redis) = Redis::start().await else { return };
    let fleet = fleet(&redis, "1h").await;
    let video = fleet.video(json!({})).await;
    let here = fleet.client(0);
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    // The maximum of fields.
    let fields: Vec<String> = (1..1000).flat_map(|n| [format!("{n}:{hour}:n"), "1".to_owned()]).collect();
    let mut fill = vec!["HSET", "content:views:buffer", "id", "5"];
    fill.extend(fields.iter().map(String::as_str));
    redis.ask(&fill).await;
    watch(&here, video, 0..1).await;
    watch(&here, video, 1..3).await;
    // The count that filled the buffer is part of the flush.
    let flush = redis.ask(&["HGET", "content:views:flush:5", &format!("{video}:{hour}:n")]).await;
    let buffer = redis.ask(&["HGET", "content:views:buffer", &format!("{video}:{hour}:n")]).await;
    assert_eq!((flush.as_str(), buffer.as_str()), ("1", "2"));
    assert_eq!(redis.ask(&["SMEMBERS", "content:views:flushes"]).await, "5");
}
