//! GET videos/recommended through the gateway with Redis: compared with a bare axum
//! handler, its SQL statements, and many videos compared with few.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::json;

use super::{Bench, comparison::Comparison, progress};
use crate::{
    catalogue,
    fleet::Fleet,
    http::{self, Client},
    load,
    sample_texts::SampleTexts,
    stats::{milliseconds, percentile},
    table::{Number, Row},
    wrk,
};

const PATH: &str = "/api/v1/videos/recommended?pageSize=20";
/// So many that no guest repeats a request while its page would be prefetched.
const GUESTS: usize = 500;
const FEW_VIDEOS: i64 = 1_000;
const MANY_VIDEOS: i64 = 1_000_000;
const TAGS: usize = 5;
const PER_SECOND: u32 = 500;
const CONNECTIONS: usize = 16;
const WARM_UP: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (texts, many) = (SampleTexts::new(), bench.scaled(MANY_VIDEOS));
    let fleet = start(bench, &texts, FEW_VIDEOS)?;
    let comparison = Comparison::bare_axum(bench, fleet.gateway(), PATH, ROUNDS)?;
    let mut rows = vec![comparison.row("GET videos/recommended of 20, 20 connections", 0.1)];
    rows.extend(comparison.latencies());
    rows.push(statements(bench, &fleet)?);
    let with_few = at_fixed_rate(bench, &fleet, 1)?;
    fleet.stop()?;
    let fleet = start(bench, &texts, many)?;
    let with_many = at_fixed_rate(bench, &fleet, 1)?;
    let many_guests = at_fixed_rate(bench, &fleet, GUESTS)?;
    fleet.stop()?;
    let what = format!("the same of {TAGS} tags at {PER_SECOND}/s, {many} videos, p50");
    let few = Number::new(with_few.0, "ms").of(" with 1000");
    rows.push(Row::at_most(what, Number::new(with_many.0, "ms"), few, 1.5));
    let few = Number::new(with_few.1, "ms").of(" with 1000");
    rows.push(Row::plain("its p99", Number::new(with_many.1, "ms"), few));
    let few = Number::new(with_few.0, "ms").of(" with 1000, one guest");
    rows.push(Row::plain(
        format!("its p50 for {GUESTS} guests of different tags"),
        Number::new(many_guests.0, "ms"),
        few,
    ));
    Ok(rows)
}

/// With every video in Redis, as after some minutes of this load.
fn start(bench: &Bench, texts: &SampleTexts, videos: i64) -> Result<Fleet> {
    let mut fleet = Fleet::prepare(bench, "recommended", &["auth", "recommendation", "gateway"])?;
    fleet.use_empty_redis();
    fleet.disable_index();
    fleet.set("FENZ_RECOMMENDATION__WARM_VIDEOS", videos.to_string());
    fleet.migrate("recommendation")?;
    catalogue::seed_recommendation(&fleet, texts, 1..=videos)?;
    fleet.start_all()?;
    Ok(fleet)
}

/// Statements per request by PostgreSQL's statistics, without those of background
/// jobs.
fn statements(bench: &Bench, fleet: &Fleet) -> Result<Row> {
    let count = || fleet.databases.commits("recommendation");
    let (begun, before) = (Instant::now(), count()?);
    thread::sleep(bench.round_duration());
    let idle_per_second = (count()? - before) / begun.elapsed().as_secs_f64();
    let (begun, before) = (Instant::now(), count()?);
    let report = wrk::run(fleet.gateway(), PATH, bench.round_duration())?;
    let more = count()? - before - idle_per_second * begun.elapsed().as_secs_f64();
    let each = Number::new(more.max(0.0) / report.requests, "each");
    let compared = format!("{more:+.0} for {:.0} requests", report.requests);
    // The jobs vary by less than one statement per thousand requests.
    Ok(Row::limit("SQL statements of a request", each, compared, each, 0.001))
}

/// Latencies at a fixed rate, p50 and p99 in milliseconds, of guests with distinct
/// choices of tags.
fn at_fixed_rate(bench: &Bench, fleet: &Fleet, guests: usize) -> Result<(f64, f64)> {
    let paths = guest_paths(fleet, guests)?;
    let requests: Vec<Vec<u8>> = paths.iter().map(|path| http::get(fleet.gateway(), path)).collect();
    let read = |duration| load::open_loop(fleet.gateway(), CONNECTIONS, PER_SECOND, duration, &requests);
    read(WARM_UP)?;
    let latencies = milliseconds(&read(bench.round_duration())?);
    let (p50, p99) = (percentile(&latencies, 50.0), percentile(&latencies, 99.0));
    progress(format_args!("recommended at {PER_SECOND}/s to {guests}: p50 {p50:.2} ms, p99 {p99:.2} ms"));
    Ok((p50, p99))
}

/// The paths of guests, for whom distinct choices of tags are stored.
pub fn guest_paths(fleet: &Fleet, guests: usize) -> Result<Vec<String>> {
    let mut client = Client::connect(fleet.gateway())?;
    let mut paths = Vec::new();
    for (guest, tags) in tag_choices().take(guests).enumerate() {
        let guest = format!("bench-guest-{guest}");
        client.call("PUT", "/api/v1/tags/my", None, &json!({"tagIds": tags, "sessionId": guest}))?;
        paths.push(format!("{PATH}&sessionId={guest}"));
    }
    Ok(paths)
}

/// All choices of tags.
pub fn tag_choices() -> impl Iterator<Item = Vec<String>> {
    let tags: Vec<i64> = catalogue::tag_ids().collect();
    (0_u32..1 << tags.len()).filter(|choice| choice.count_ones() as usize == TAGS).map(move |choice| {
        let chosen = tags.iter().enumerate().filter(|(index, _)| choice & 1 << index != 0);
        chosen.map(|(_, id)| id.to_string()).collect()
    })
}
