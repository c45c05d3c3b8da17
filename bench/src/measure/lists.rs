//! Pages of the catalogue and of searches through the gateway, beside quoted
//! numbers of another platform.

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
/// Searches that are made in turn.
const QUERIES: usize = 200;
const ROUNDS: usize = 3;
/// Quoted from the issue for 20 connections, not measured here.
const PEERTUBE_LISTS: f64 = 292.0;
const PEERTUBE_SEARCHES: f64 = 226.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (corpus, videos) = (Corpus::new(), bench.scaled(VIDEOS));
    let mut fleet = Fleet::prepare(bench, "lists", &["auth", "content", "recommendation", "gateway"])?;
    fleet.use_empty_redis();
    fleet.migrate("content")?;
    fleet.migrate("recommendation")?;
    catalogue::publish(&fleet, &corpus, videos)?;
    catalogue::recommend(&fleet, &corpus, 1..=videos)?;
    fleet.start_all()?;
    search::wait_for_index(fleet.gateway())?;
    let (gateway, folder) = (fleet.gateway(), fleet.path(""));
    let lists = rounds("lists", || wrk::run(gateway, LIST, bench.span()))?;
    let mut rng = Rng::new(1);
    let paths: Vec<String> = (0..QUERIES).map(|_| search::path(&search::two_words(&corpus, &mut rng))).collect();
    let searches = rounds("searches", || wrk::run_in_turn(gateway, &paths, bench.span(), &folder))?;
    fleet.stop()?;
    let peertube = |per_second| Number::new(per_second, "/s").of(" of PeerTube 6.3 (quoted)");
    Ok(vec![
        Row::at_least(format!("GET videos, 20 of {videos}, 20 connections"), lists, peertube(PEERTUBE_LISTS), 10.0),
        Row::at_least(
            "GET search of two words among them, 20 connections",
            searches,
            peertube(PEERTUBE_SEARCHES),
            10.0,
        ),
    ])
}

fn rounds(what: &str, run: impl Fn() -> Result<Report>) -> Result<Number> {
    let mut per_second = Vec::new();
    run()?;
    for _ in 0..ROUNDS {
        let report = run()?;
        say(format_args!("{what} {:.0}/s, p50 {:.2} ms, p99 {:.2} ms", report.per_second, report.p50, report.p99));
        per_second.push(report.per_second);
    }
    Ok(Number::new(median(&per_second), "/s"))
}
