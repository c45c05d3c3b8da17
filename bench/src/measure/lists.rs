//! Pages of the catalogue and of searches through the gateway, compared with quoted
//! measurements of another platform.

use std::collections::HashSet;

use anyhow::Result;

use super::{Bench, progress, search};
use crate::{
    catalogue,
    fleet::Fleet,
    sample_texts::{Rng, SampleTexts},
    stats::median,
    table::{Number, Row},
    wrk::{self, Report},
};

const LIST: &str = "/api/v1/videos";
const VIDEOS: i64 = 1_000_000;
/// A typical platform.
const FEW_VIDEOS: i64 = 10_000;
/// Searches that are repeated in turn.
const REPEATED: usize = 200;
/// Enough that none is repeated in a round.
const DISTINCT: usize = 100_000;
const ROUNDS: usize = 3;
/// Quoted for 20 connections, not measured here.
const PEERTUBE_LISTS: f64 = 292.0;
const PEERTUBE_SEARCHES: f64 = 226.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (texts, videos) = (SampleTexts::new(), bench.scaled(VIDEOS));
    let mut rows = Vec::new();
    for (videos, with_lists) in [(videos, true), (FEW_VIDEOS, false)] {
        let fleet = start(bench, &texts, videos)?;
        if with_lists {
            let lists = rounds("lists", |_| wrk::run(fleet.gateway(), LIST, bench.round_duration()))?;
            rows.push(compared(format!("GET videos, 20 of {videos}, 20 connections"), lists, PEERTUBE_LISTS));
        }
        let (mut rng, mut known) = (Rng::new(1), HashSet::new());
        let mut paths = |count: usize| {
            let random = std::iter::repeat_with(|| search::path(&search::two_words(&texts, &mut rng)));
            random.filter(|path| known.insert(path.clone())).take(count).collect::<Vec<_>>()
        };
        let (repeated, folder) = (paths(REPEATED), fleet.path(""));
        let rate =
            rounds("searches", |_| wrk::run_cycling(fleet.gateway(), &repeated, bench.round_duration(), &folder))?;
        rows.push(compared(
            format!("GET search of two words, {REPEATED} of them in turn, {videos} videos"),
            rate,
            PEERTUBE_SEARCHES,
        ));
        let rounds_of: Vec<_> = (0..=ROUNDS).map(|_| paths(DISTINCT)).collect();
        let rate = rounds("searches, each once", |round| {
            wrk::run_cycling(fleet.gateway(), &rounds_of[round], bench.round_duration(), &folder)
        })?;
        rows.push(compared("the same, each once".to_owned(), rate, PEERTUBE_SEARCHES));
        fleet.stop()?;
    }
    Ok(rows)
}

fn compared(what: String, ours: Number, peertube: f64) -> Row {
    Row::at_least(what, ours, Number::new(peertube, "/s").of(" of PeerTube 6.3 (quoted)"), 10.0)
}

fn start(bench: &Bench, texts: &SampleTexts, videos: i64) -> Result<Fleet> {
    let mut fleet = Fleet::prepare(bench, "lists", &["auth", "content", "recommendation", "gateway"])?;
    fleet.use_empty_redis();
    fleet.migrate("content")?;
    fleet.migrate("recommendation")?;
    catalogue::seed_content(&fleet, texts, videos)?;
    catalogue::seed_recommendation(&fleet, texts, 1..=videos)?;
    fleet.start_all()?;
    search::wait_for_index(fleet.gateway())?;
    Ok(fleet)
}

/// The median of the rounds, after one to warm up.
fn rounds(what: &str, run: impl Fn(usize) -> Result<Report>) -> Result<Number> {
    let mut per_second = Vec::new();
    run(0)?;
    for round in 1..=ROUNDS {
        let report = run(round)?;
        progress(format_args!("{what} {:.0}/s, p50 {:.2} ms, p99 {:.2} ms", report.per_second, report.p50, report.p99));
        per_second.push(report.per_second);
    }
    Ok(Number::new(median(&per_second), "/s"))
}
