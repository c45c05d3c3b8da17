//! Notifications with a large audience, a long list and many open streams.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{Bench, events::wait_for_channel, say};
use crate::{
    account::{self, Account},
    events::{Crowd, EventStream},
    fleet::Fleet,
    http::{self, Client},
    stats::{median, milliseconds, percentile},
    table::{Number, Row},
    wrk,
};

const AUDIENCE: i64 = 1_000_000;
const FEW: i64 = 10;
const CHANNELS: i64 = 500;
const EVENTS: i64 = 100_000;
const STREAMS: i64 = 5_000;
const COUNT: &str = "/api/v1/notifications/unread-count";
const PAGE: &str = "/api/v1/notifications";
/// Quoted from the issue, not measured here.
const QUOTED_PER_SECOND: f64 = 2_019.0;
/// Ids that no account gets here: ours carry the time.
const FIRST_USER: i64 = 1_000_000_000;
const FIRST_CHANNEL: i64 = 2_000_000_000;
const FIRST_EVENT: i64 = 3_000_000_000;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let fleet = Fleet::start(bench, "notifications")?;
    let person = |name: &str| account::register(fleet.gateway(), name);
    let (popular, modest) = (person("bench_popular")?, person("bench_modest")?);
    let (viewer, reader) = (person("bench_viewer")?, person("bench_reader")?);
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
    say(format_args!("seeding {AUDIENCE} members and {EVENTS} events"));
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
            members(AUDIENCE - 1, popular),
            members(FEW - 1, modest),
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
            "INSERT INTO channel_heads (channel_id, kind, latest, changed) \
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
    say(format_args!("{per_channel} events on each of {CHANNELS} channels"));
    Ok(())
}

/// From the request to the notification on the stream of one of the members.
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
        for (owner, spans) in [(popular, &mut many), (modest, &mut few)] {
            let upload = account::upload(fleet.gateway(), &owner.token, &bench.small_video())?;
            thread::sleep(Duration::from_millis(50));
            let begun = Instant::now();
            account::publish(&mut client, &owner.token, &upload)?;
            stream.next()?;
            // The first of each warms up.
            if round > 0 {
                spans.push(begun.elapsed());
            }
        }
    }
    let number = |spans: &[Duration]| Number::new(median(&milliseconds(spans)), "ms");
    let what = format!("publish to its notification, {AUDIENCE} subscribers, median of {rounds}");
    Ok(vec![Row::at_most(what, number(&many), number(&few).of(" with 10"), 1.2)])
}

fn reads(bench: &Bench, fleet: &Fleet, reader: &Account) -> Result<Vec<Row>> {
    let mut client = Client::connect(fleet.gateway())?;
    let mut rows = Vec::new();
    for (name, path) in [("unread count", COUNT), ("first page", PAGE)] {
        let request = http::get_as(fleet.gateway(), path, &reader.token);
        let mut spans = Vec::new();
        let end = Instant::now() + bench.span();
        while Instant::now() < end {
            let begun = Instant::now();
            client.send(&request)?.success()?;
            spans.push(begun.elapsed());
        }
        let spans = milliseconds(&spans);
        let p99 = Number::new(percentile(&spans, 99.0), "ms");
        let p50 = format!("{} p50", Number::new(percentile(&spans, 50.0), "ms").text());
        let what = format!("{name} of {CHANNELS} subscriptions and {EVENTS} events, p99");
        rows.push(Row::limit(what, p99, p50, p99, 10.0));
    }
    let header = format!("Authorization: Bearer {}", reader.token);
    let report = wrk::run_as(fleet.gateway(), COUNT, bench.span(), &header)?;
    let quoted = Number::new(QUOTED_PER_SECOND, "/s").of(" (quoted)");
    rows.push(Row::at_least("unread count, 20 connections", Number::new(report.per_second, "/s"), quoted, 1.0));
    Ok(rows)
}

/// Many open streams on one instance, and an event for each.
fn streams(bench: &Bench, fleet: &Fleet, popular: &Account) -> Result<Vec<Row>> {
    let upload = account::upload(fleet.gateway(), &popular.token, &bench.small_video())?;
    let process = fleet.process("notification");
    let before = process.memory()?;
    say(format_args!("opening {STREAMS} streams"));
    let tickets = (1..=STREAMS).map(|number| format!("ticket-{number}"));
    let mut crowd = fleet.runtime.block_on(Crowd::open(fleet.address("notification"), tickets))?;
    thread::sleep(Duration::from_secs(2));
    let each = Number::new((process.memory()? - before) / STREAMS as f64 / 1024.0, "KiB");
    let begun = Instant::now();
    account::publish(&mut Client::connect(fleet.gateway())?, &popular.token, &upload)?;
    let heard = fleet.runtime.block_on(crowd.heard())?;
    let spans = milliseconds(&heard.iter().map(|moment| moment.duration_since(begun)).collect::<Vec<_>>());
    let last = spans.iter().copied().max_by(f64::total_cmp).context("nobody heard")? / 1e3;
    let last = Number::new(last, "s");
    let first_half = format!("{} the median", Number::new(median(&spans) / 1e3, "s").text());
    let what = format!("publish to its event on all of {STREAMS} streams of one instance");
    Ok(vec![
        Row::limit(what, last, first_half, last, 1.0),
        Row::limit("memory of an open stream", each, "–".to_owned(), each, 20.0),
    ])
}
