//! Notifications with many subscribers, a long list and many open streams.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{Bench, events::wait_for_channel, fan_out, progress};
use crate::{
    account::{self, Account},
    fleet::Fleet,
    http::{self, Client},
    sse::{EventStream, WaitingStreams},
    stats::{median, milliseconds, percentile},
    table::{Number, Row},
    wrk,
};

const SUBSCRIBERS: i64 = 1_000_000;
const FEW_SUBSCRIBERS: i64 = 10;
const CHANNELS: i64 = 500;
const EVENTS: i64 = 100_000;
const STREAMS: i64 = 5_000;
const COUNT: &str = "/api/v1/notifications/unread-count";
const PAGE: &str = "/api/v1/notifications";
/// Quoted, not measured here.
const QUOTED_PER_SECOND: f64 = 2_019.0;
/// Lower than any generated id, since those contain the time.
const FIRST_USER: i64 = 1_000_000_000;
const FIRST_CHANNEL: i64 = 2_000_000_000;
const FIRST_EVENT: i64 = 3_000_000_000;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let fleet = Fleet::start(bench, "notifications")?;
    let register = |name: &str| account::register(fleet.gateway(), name);
    let (popular, modest) = (register("bench_popular")?, register("bench_modest")?);
    let (viewer, reader) = (register("bench_viewer")?, register("bench_reader")?);
    let mut client = Client::connect(fleet.gateway())?;
    for owner in [&popular, &modest] {
        wait_for_channel(&mut client, owner)?;
    }
    seed(&fleet, &popular, &modest, &viewer, &reader)?;
    let mut rows = publications(bench, &fleet, &popular, &modest, &viewer)?;
    rows.extend(reads(bench, &fleet, &reader)?);
    rows.extend(streams(bench, &fleet, &popular)?);
    fleet.stop()?;
    Ok(rows)
}

fn seed(fleet: &Fleet, popular: &Account, modest: &Account, viewer: &Account, reader: &Account) -> Result<()> {
    progress(format_args!("seeding {SUBSCRIBERS} members and {EVENTS} events"));
    let member = |user: &str, channel: &str| {
        format!(
            "INSERT INTO memberships (user_id, channel_id, tier, since_seq, version) VALUES ({user}, {channel}, 1, 0, 1)"
        )
    };
    let members = |count: i64, channel: &str| {
        format!(
            "INSERT INTO memberships (user_id, channel_id, tier, since_seq, version) \
             SELECT {FIRST_USER} + n, {channel}, 1, 0, 1 FROM generate_series(1, {count}) n"
        )
    };
    let (popular, modest, viewer, reader) = (&popular.id, &modest.id, &viewer.id, &reader.id);
    let per_channel = EVENTS / CHANNELS;
    fleet.sql(
        "notification",
        &[
            members(SUBSCRIBERS - 1, popular),
            members(FEW_SUBSCRIBERS - 1, modest),
            member(viewer, popular),
            member(viewer, modest),
            format!(
                "INSERT INTO memberships (user_id, channel_id, tier, since_seq, version) \
                 SELECT {reader}, {FIRST_CHANNEL} + n, 1, 0, 1 FROM generate_series(1, {CHANNELS}) n"
            ),
            format!(
                "INSERT INTO channel_events \
                 (seq, channel_id, video_id, is_visible, occurred_at, id, kind, title, message, payload, created_at) \
                 SELECT last + n, {FIRST_CHANNEL} + 1 + n % {CHANNELS}, {FIRST_EVENT} + n, TRUE, now(), \
                 {FIRST_EVENT} + n, 0, 'New video', 'A channel published Seven bridges', '{{}}', now() \
                 FROM sequence, generate_series(1, {EVENTS}) n"
            ),
            "INSERT INTO latest_events (channel_id, kind, latest, changed) \
             SELECT channel_id, kind, max(seq), max(seq) FROM channel_events GROUP BY channel_id, kind"
                .to_owned(),
            format!("UPDATE sequence SET last = last + {EVENTS}"),
            format!(
                "INSERT INTO stream_tickets (digest, user_id, expires_at) \
                 SELECT translate(rtrim(encode(sha256(convert_to('ticket-' || n, 'UTF8')), 'base64'), '='), '+/', '-_'), \
                 {FIRST_USER} + n, now() + interval '1 hour' FROM generate_series(1, {STREAMS}) n"
            ),
            "ANALYZE".to_owned(),
        ],
    )?;
    progress(format_args!("{per_channel} events on each of {CHANNELS} channels"));
    Ok(())
}

/// From the request to the notification on one member's stream.
fn publications(
    bench: &Bench,
    fleet: &Fleet,
    popular: &Account,
    modest: &Account,
    viewer: &Account,
) -> Result<Vec<Row>> {
    let rounds = if bench.quick { 8 } else { 25 };
    let mut stream = EventStream::open(fleet.gateway(), &viewer.token)?;
    let mut client = Client::connect(fleet.gateway())?;
    let (mut many, mut few) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for (owner, durations) in [(popular, &mut many), (modest, &mut few)] {
            let upload = account::upload(fleet.gateway(), &owner.token, &bench.small_video())?;
            thread::sleep(Duration::from_millis(50));
            let begun = Instant::now();
            account::publish(&mut client, &owner.token, &upload)?;
            stream.next()?;
            // The first round warms up.
            if round > 0 {
                durations.push(begun.elapsed());
            }
        }
    }
    let number = |durations: &[Duration]| Number::new(median(&milliseconds(durations)), "ms");
    let what = format!("publish to its notification, {SUBSCRIBERS} subscribers, median of {rounds}");
    let stored = Number::new(fan_out::row_per_subscriber(bench, fleet, SUBSCRIBERS)?, "ms");
    Ok(vec![
        Row::at_most(what, number(&many), number(&few).of(" with 10"), 1.2),
        Row::faster("the same", number(&many), stored.of(" of a row for each on MariaDB"), 1.0),
    ])
}

fn reads(bench: &Bench, fleet: &Fleet, reader: &Account) -> Result<Vec<Row>> {
    let mut client = Client::connect(fleet.gateway())?;
    let mut rows = Vec::new();
    for (name, path) in [("unread count", COUNT), ("first page", PAGE)] {
        let request = http::get_as(fleet.gateway(), path, &reader.token);
        let mut durations = Vec::new();
        let end = Instant::now() + bench.round_duration();
        while Instant::now() < end {
            let begun = Instant::now();
            client.send(&request)?.success()?;
            durations.push(begun.elapsed());
        }
        let durations = milliseconds(&durations);
        let p99 = Number::new(percentile(&durations, 99.0), "ms");
        let p50 = format!("{} p50", Number::new(percentile(&durations, 50.0), "ms").text());
        let what = format!("{name} of {CHANNELS} subscriptions and {EVENTS} events, p99");
        rows.push(Row::limit(what, p99, p50, p99, 10.0));
    }
    let header = format!("Authorization: Bearer {}", reader.token);
    let report = wrk::run_as(fleet.gateway(), COUNT, bench.round_duration(), &header)?;
    let quoted = Number::new(QUOTED_PER_SECOND, "/s").of(" (quoted)");
    rows.push(Row::at_least("unread count, 20 connections", Number::new(report.per_second, "/s"), quoted, 1.0));
    Ok(rows)
}

/// Many open streams of one instance, and an event for each.
fn streams(bench: &Bench, fleet: &Fleet, popular: &Account) -> Result<Vec<Row>> {
    let upload = account::upload(fleet.gateway(), &popular.token, &bench.small_video())?;
    let process = fleet.process("notification");
    let before = process.memory()?;
    progress(format_args!("opening {STREAMS} streams"));
    let tickets = (1..=STREAMS).map(|number| format!("ticket-{number}"));
    let mut streams = fleet.runtime.block_on(WaitingStreams::open(fleet.address("notification"), tickets))?;
    thread::sleep(Duration::from_secs(2));
    let each = Number::new((process.memory()? - before) / STREAMS as f64 / 1024.0, "KiB");
    let begun = Instant::now();
    account::publish(&mut Client::connect(fleet.gateway())?, &popular.token, &upload)?;
    let received = fleet.runtime.block_on(streams.received())?;
    let durations = milliseconds(&received.iter().map(|at| at.duration_since(begun)).collect::<Vec<_>>());
    let last = durations.iter().copied().max_by(f64::total_cmp).context("no stream received an event")? / 1e3;
    let last = Number::new(last, "s");
    let median_time = format!("{} the median", Number::new(median(&durations) / 1e3, "s").text());
    let what = format!("publish to its event on all of {STREAMS} streams of one instance");
    Ok(vec![
        Row::limit(what, last, median_time, last, 1.0),
        Row::limit("memory of an open stream", each, "–".to_owned(), each, 20.0),
    ])
}
