//! Several gateways with one Redis share their counts; without Redis each counts
//! alone.

use std::time::{Duration, Instant};

use fenz_core::Random;
use fenz_testkit::{Redis, Reply};
use reqwest::Method;

use super::fleet::{Fleet, FleetBuilder};

const PATH: &str = "/api/v1/videos";

async fn gateway(url: &str, prefix: &str, per_minute: &str) -> Fleet {
    // Redis is slow at times, but not away; a killed one refuses connections at once.
    gateway_with(url, prefix, per_minute, "10s").await
}

async fn gateway_with(url: &str, prefix: &str, per_minute: &str, timeout: &str) -> Fleet {
    FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", per_minute)
        .and("gateway.redis.url", url)
        .and("gateway.redis.prefix", prefix)
        .and("gateway.redis.timeout", timeout)
        .start()
        .await
}

fn prefix() -> String {
    format!("t{:016x}", Random::default().value::<u64>())
}

/// How many of these requests a gateway allows.
async fn passed(fleet: &Fleet, times: usize) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        passed += usize::from(fleet.client.status(PATH).await == 200);
    }
    passed
}

#[tokio::test]
async fn two_gateways_refuse_the_hundred_and_first_request_in_sum() {
    let Some(url) = fenz_testkit::Server::Redis.url() else { return };
    let prefix = prefix();
    let (one, other) = (gateway(&url, &prefix, "100").await, gateway(&url, &prefix, "100").await);
    let began = Instant::now();
    let mut passed = 0;
    for _ in 0..70 {
        for fleet in [&one, &other] {
            passed += usize::from(fleet.client.status(PATH).await == 200);
        }
    }
    // One more request is allowed every 600 ms.
    let freed = began.elapsed().as_millis() as usize / 600 + 1;
    assert!((100..=100 + freed).contains(&passed), "{passed} passed, {freed} came free");
    let refusal = loop {
        let reply = other.client.get("videos").await;
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!((refusal.status, refusal.header("retry-after")), (429, "1"));
    // Another prefix has its own counts.
    let other_fleet = gateway(&url, &self::prefix(), "100").await;
    assert_eq!(other_fleet.client.status(PATH).await, 200);
}

#[tokio::test]
async fn gateways_count_alone_while_redis_is_down_and_share_again_afterwards() {
    let Some(mut redis) = Redis::start().await else { return };
    let (one, other) = (gateway(&redis.url(), "", "6").await, gateway(&redis.url(), "", "6").await);
    shared(&one, &other).await;
    redis.kill();
    // Both keep the levels that they saw before; now each counts alone.
    let began = Instant::now();
    assert!(passed(&one, 8).await <= 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let third = gateway(&redis.url(), "", "6").await;
    assert_eq!(passed(&third, 9).await, 6);
    redis.run().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    // Redis restarted empty: new gateways start with shared, empty buckets.
    let (one, other) = (gateway(&redis.url(), "", "6").await, gateway(&redis.url(), "", "6").await);
    shared(&one, &other).await;
}

/// Six requests pass in total, over both gateways.
async fn shared(one: &Fleet, other: &Fleet) {
    assert_eq!(passed(one, 3).await, 3);
    let rest = passed(other, 9).await;
    assert!((3..=4).contains(&rest), "{rest} passed at the other");
    assert!(passed(one, 3).await <= 1);
}

#[tokio::test]
async fn a_running_gateway_reconnects_to_redis() {
    let Some(mut redis) = Redis::reserve() else { return };
    let behind_a_proxy = async || {
        FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "6")
            .and("gateway.redis.url", redis.url())
            .and("gateway.trusted_proxies", "127.0.0.1")
            .start()
            .await
    };
    let (one, other) = (behind_a_proxy().await, behind_a_proxy().await);
    // Uses up the limit of an address at one gateway; returns how many requests pass at the other.
    let left = async |number: usize| {
        let send = async |fleet: &Fleet| {
            let request =
                fleet.client.request(Method::GET, PATH).header("x-forwarded-for", format!("192.0.2.{number}"));
            usize::from(Reply::of(request).await.status == 200)
        };
        let mut left = 0;
        for _ in 0..6 {
            assert_eq!(send(&one).await, 1);
        }
        for _ in 0..6 {
            left += send(&other).await;
        }
        left
    };
    assert_eq!(left(0).await, 6);
    redis.run().await;
    // A new address each time, until the counts are shared.
    for number in 1..=80 {
        if left(number).await <= 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("the gateways still count apart");
}

#[tokio::test]
async fn a_hanging_redis_delays_few_requests() {
    let Some(redis) = Redis::start().await else { return };
    let fleet = gateway_with(&redis.url(), "", "100000", "200ms").await;
    assert_eq!(passed(&fleet, 20).await, 20);
    redis.signal("-STOP");
    let (mut slow, mut all) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let sent = Instant::now();
        assert_eq!(fleet.client.status(PATH).await, 200);
        slow += usize::from(sent.elapsed() > Duration::from_millis(150));
        all += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    redis.signal("-CONT");
    // Only the requests that probe Redis are slow.
    assert!(slow >= 1 && slow * 4 < all, "{slow} of {all} were slow");
}
