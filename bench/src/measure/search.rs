//! The search index of a large catalogue, at the service's port: search latencies,
//! the indexing rate, and its size.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Bench, progress};
use crate::{
    catalogue,
    fleet::Fleet,
    http::Client,
    machine,
    process::MIB,
    sample_texts::{Rng, SampleTexts},
    stats::{median, milliseconds, percentile},
    table::{Number, Row},
};

const SERVICE: &str = "recommendation";
const DOCUMENTS: i64 = 1_000_000;
/// Maximum hits of narrow searches.
const NARROW: u64 = 10_000;
const BUILD_TIMEOUT: Duration = Duration::from_secs(900);
/// Maximum time of one kind of search.
const MAX_DURATION: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(2);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (texts, documents) = (SampleTexts::new(), bench.scaled(DOCUMENTS));
    let mut fleet = Fleet::prepare(bench, "search", &["auth", SERVICE])?;
    fleet.use_empty_redis();
    fleet.migrate(SERVICE)?;
    catalogue::seed_recommendation(&fleet, &texts, 1..=documents)?;
    fleet.start_service("auth")?;
    fleet.start_service(SERVICE)?;
    let (begun, address) = (Instant::now(), fleet.address(SERVICE));
    let before = fleet.process(SERVICE).memory()?;
    wait_for_index(address)?;
    let took = begun.elapsed().as_secs_f64();
    let rate = Number::new(documents as f64 / took, "/s");
    let what = format!("documents indexed, of {documents}");
    let mut rows = vec![Row::floor(what, rate, format!("in {took:.0} s"), rate, 20_000.0)];
    rows.extend(searches(bench, &texts, address)?);
    thread::sleep(SETTLE);
    rows.push(Row::fact(
        "the index on disk",
        mib(machine::folder_bytes(&fleet.path("search"))? as f64),
        format!("{documents} documents"),
    ));
    let (after, own) = (fleet.process(SERVICE).memory()?, fleet.process(SERVICE).own_memory()?);
    let compared = format!("{} before; {} without mapped files", mib(before).text(), mib(own).text());
    rows.push(Row::fact("memory of the service with it", mib(after), compared));
    fleet.stop()?;
    Ok(rows)
}

/// Waits until the service has its index: until then it searches titles only.
pub fn wait_for_index(address: SocketAddr) -> Result<()> {
    let mut client = Client::connect(address)?;
    let begun = Instant::now();
    progress("waiting for the index");
    loop {
        let reply: Value = serde_json::from_slice(&client.get(&path("zq"))?.success()?)?;
        if reply["degraded"] == false {
            return Ok(());
        }
        ensure!(begun.elapsed() < BUILD_TIMEOUT, "no index after {BUILD_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn searches(bench: &Bench, texts: &SampleTexts, address: SocketAddr) -> Result<Vec<Row>> {
    let count = if bench.quick { 200 } else { 1_000 };
    let mut rng = Rng::new(2);
    let mut timer = SearchTimer { client: Client::connect(address)?, count };
    let english = timer.time(NARROW, |_| path(&two_words(texts, &mut rng)))?;
    let chinese = timer.time(NARROW, |_| path(texts.chinese.pick(&mut rng)))?;
    let queries = broad(texts);
    let broad = timer.time_half(|n| {
        // Spaces are ignored, but make a distinct query: repeated ones are cached.
        let text = &queries[n % queries.len()];
        path(&format!("{text}{}", " ".repeat(n / queries.len())))
    })?;
    let suggestions = SearchTimer { client: Client::connect(address)?, count }.time(u64::MAX, |n| {
        let words = if n % 2 == 0 { &texts.english } else { &texts.chinese };
        let text = format!("{} {}", words.pick(&mut rng), words.pick(&mut rng));
        let prefix: String = text.chars().take(1 + n % 9).collect();
        format!("/api/v1/search/suggest?q={}", encoded(prefix.trim()))
    })?;
    Ok(vec![
        row("search of two English words, 10,000 hits at most, p99", &english, 20.0),
        row("search of a Chinese word, the same, p99", &chinese, 20.0),
        row("broad search with facets, p99", &broad, 100.0),
        row("suggestions, p99", &suggestions, 5.0),
    ])
}

/// Queries with many hits: the most frequent words, and the empty query.
fn broad(texts: &SampleTexts) -> Vec<String> {
    let mut queries = vec![String::new()];
    for words in [&texts.english, &texts.chinese] {
        queries.extend([0, 1, 10].map(|rank| words.nth(rank).to_owned()));
        queries.push(format!("{} {}", words.nth(0), words.nth(1)));
    }
    queries
}

struct SearchTimer {
    client: Client,
    /// Requests to count.
    count: usize,
}

impl SearchTimer {
    /// Times sequential requests; those with 1 to `most` hits count.
    fn time(&mut self, most: u64, mut request: impl FnMut(usize) -> String) -> Result<Vec<Duration>> {
        let (begun, mut durations) = (Instant::now(), Vec::new());
        for n in 0.. {
            let path = request(n);
            let sent = Instant::now();
            let body = self.client.get(&path)?.success().with_context(|| path.clone())?;
            let duration = sent.elapsed();
            let reply: Value = serde_json::from_slice(&body)?;
            ensure!(reply["degraded"] != true, "the index became unavailable");
            // Suggestions have no total.
            let hits = reply["total"].as_str().map_or(Ok(1), str::parse)?;
            // The first requests warm up.
            if (1..=most).contains(&hits) && n >= self.count / 20 {
                durations.push(duration);
            }
            if durations.len() == self.count || begun.elapsed() > MAX_DURATION {
                break;
            }
        }
        ensure!(!durations.is_empty(), "nothing was found");
        Ok(durations)
    }

    /// Half as many, with any number of hits.
    fn time_half(self, request: impl FnMut(usize) -> String) -> Result<Vec<Duration>> {
        Self { count: self.count / 2, ..self }.time(u64::MAX, request)
    }
}

fn row(what: &str, durations: &[Duration], most: f64) -> Row {
    let durations = milliseconds(durations);
    let p99 = Number::new(percentile(&durations, 99.0), "ms");
    let p50 = format!("{} p50 of {}", Number::new(median(&durations), "ms").text(), durations.len());
    Row::limit(what, p99, p50, p99, most)
}

pub fn two_words(texts: &SampleTexts, rng: &mut Rng) -> String {
    format!("{} {}", texts.english.pick(rng), texts.english.pick(rng))
}

pub fn path(text: &str) -> String {
    format!("/api/v1/search?query={}", encoded(text))
}

/// Percent-encodes a query parameter (RFC 3986).
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(byte.into());
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

fn mib(bytes: f64) -> Number {
    Number::new(bytes / MIB, "MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_encoded() {
        assert_eq!(path("two 字"), "/api/v1/search?query=two%20%E5%AD%97");
    }
}
