//! Pages of the catalogue and of searches through the gateway, beside quoted
//! numbers of another platform.

use std::collections::HashSet;

use anyhow::Result;

use super::{Bench, say, search};
use crate::{
    catalogue,
    corpus::{Corpus, Rng},
    fleet::Fleet,
    stats::median,
    table::{Number, Row},
    wrk::{self, Report},
};

const LIST: &str = "/api/v1/videos";
const VIDEOS: i64 = 1_000_000;
/// The size of a usual platform.
const FEW: i64 = 10_000;
/// Searches that are made in turn.
const QUERIES: usize = 200;
/// Enough that none is made twice in a round.
const ONCE: usize = 100_000;
const ROUNDS: usize = 3;
/// Quoted from the issue for 20 connections, not measured here.
const PEERTUBE_LISTS: f64 = 292.0;
const PEERTUBE_SEARCHES: f64 = 226.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (corpus, videos) = (Corpus::new(), bench.scaled(VIDEOS));
    let mut rows = Vec::new();
    for (videos, with_lists) in [(videos, true), (FEW, false)] {
        let fleet = start(bench, &corpus, videos)?;
        if with_lists {
            let lists = rounds("lists", |_| wrk::run(fleet.gateway(), LIST, bench.span()))?;
            rows.push(beside(format!("GET videos, 20 of {videos}, 20 connections"), lists, PEERTUBE_LISTS));
        }
        let (mut rng, mut known) = (Rng::new(1), HashSet::new());
        let mut paths = |count: usize| {
            let some = std::iter::repeat_with(|| search::path(&search::two_words(&corpus, &mut rng)));
            some.filter(|path| known.insert(path.clone())).take(count).collect::<Vec<_>>()
        };
        let (same, folder) = (paths(QUERIES), fleet.path(""));
        let again = rounds("searches", |_| wrk::run_in_turn(fleet.gateway(), &same, bench.span(), &folder))?;
        rows.push(beside(
            format!("GET search of two words, {QUERIES} of them in turn, {videos} videos"),
            again,
            PEERTUBE_SEARCHES,
        ));
        let rounds_of: Vec<_> = (0..=ROUNDS).map(|_| paths(ONCE)).collect();
        let once = rounds("searches, each once", |round| {
            wrk::run_in_turn(fleet.gateway(), &rounds_of[round], bench.span(), &folder)
        })?;
        rows.push(beside("the same, each once".to_owned(), once, PEERTUBE_SEARCHES));
        fleet.stop()?;
    }
    Ok(rows)
}

fn beside(what: String, ours: Number, peertube: f64) -> Row {
    Row::at_least(what, ours, Number::new(peertube, "/s").of(" of PeerTube 6.3 (quoted)"), 10.0)
}

fn start(bench: &Bench, corpus: &Corpus, videos: i64) -> Result<Fleet> {
    let mut fleet = Fleet::prepare(bench, "lists", &["auth", "content", "recommendation", "gateway"])?;
    fleet.use_empty_redis();
    fleet.migrate("content")?;
    fleet.migrate("recommendation")?;
    catalogue::publish(&fleet, corpus, videos)?;
    catalogue::recommend(&fleet, corpus, 1..=videos)?;
    fleet.start_all()?;
    search::wait_for_index(fleet.gateway())?;
    Ok(fleet)
}

/// The median of some rounds, after one to warm up.
fn rounds(what: &str, run: impl Fn(usize) -> Result<Report>) -> Result<Number> {
    let mut per_second = Vec::new();
    run(0)?;
    for round in 1..=ROUNDS {
        let report = run(round)?;
        say(format_args!("{what} {:.0}/s, p50 {:.2} ms, p99 {:.2} ms", report.per_second, report.p50, report.p99));
        per_second.push(report.per_second);
    }
    Ok(Number::new(median(&per_second), "/s"))
}
