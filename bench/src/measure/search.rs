//! The index of words over a large catalogue, through the service's own port:
//! how long searches take, how fast it is built, and its size.

use std::{
    fs, io,
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Bench, say};
use crate::{
    catalogue,
    corpus::{Corpus, Rng},
    fleet::Fleet,
    http::Client,
    process::MIB,
    stats::{median, milliseconds, percentile},
    table::{Number, Row},
};

const SERVICE: &str = "recommendation";
const DOCUMENTS: i64 = 1_000_000;
/// Hits of the narrow searches, at most.
const NARROW: u64 = 10_000;
const BUILD_TIMEOUT: Duration = Duration::from_secs(900);
/// How long one kind of search is measured at most.
const PATIENCE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(2);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (corpus, documents) = (Corpus::new(), bench.scaled(DOCUMENTS));
    let mut fleet = Fleet::prepare(bench, "search", &["auth", SERVICE])?;
    fleet.use_empty_redis();
    fleet.migrate(SERVICE)?;
    catalogue::recommend(&fleet, &corpus, 1..=documents)?;
    fleet.start_service("auth")?;
    fleet.start_service(SERVICE)?;
    let (begun, address) = (Instant::now(), fleet.address(SERVICE));
    let before = fleet.process(SERVICE).memory()?;
    wait_for_index(address)?;
    let took = begun.elapsed().as_secs_f64();
    let rate = Number::new(documents as f64 / took, "/s");
    let what = format!("documents indexed, of {documents}");
    let mut rows = vec![Row::floor(what, rate, format!("in {took:.0} s"), rate, 20_000.0)];
    rows.extend(searches(bench, &corpus, address)?);
    thread::sleep(SETTLE);
    rows.push(Row::fact(
        "the index on disk",
        mib(size(&fleet.path("search"))? as f64),
        format!("{documents} documents"),
    ));
    let (after, own) = (fleet.process(SERVICE).memory()?, fleet.process(SERVICE).own_memory()?);
    let compared = format!("{} before; {} without mapped files", mib(before).text(), mib(own).text());
    rows.push(Row::fact("memory of the service with it", mib(after), compared));
    fleet.stop()?;
    Ok(rows)
}

/// Waits until the service has its index: until then it goes by titles alone.
pub fn wait_for_index(address: SocketAddr) -> Result<()> {
    let mut client = Client::connect(address)?;
    let begun = Instant::now();
    say("waiting for the index");
    loop {
        let reply: Value = serde_json::from_slice(&client.get(&path("zq"))?.success()?)?;
        if reply["degraded"] == false {
            return Ok(());
        }
        ensure!(begun.elapsed() < BUILD_TIMEOUT, "no index after {BUILD_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn searches(bench: &Bench, corpus: &Corpus, address: SocketAddr) -> Result<Vec<Row>> {
    let count = if bench.quick { 200 } else { 1_000 };
    let mut rng = Rng::new(2);
    let mut asker = Asker { client: Client::connect(address)?, count };
    let english = asker.ask(NARROW, |_| path(&two_words(corpus, &mut rng)))?;
    let chinese = asker.ask(NARROW, |_| path(corpus.chinese.pick(&mut rng)))?;
    let broad = broad(corpus);
    let broad = asker.ask_half(|turn| {
        // Spaces mean nothing, but make it another question: what was asked
        // before is answered from memory.
        let text = &broad[turn % broad.len()];
        path(&format!("{text}{}", " ".repeat(turn / broad.len())))
    })?;
    let suggestions = Asker { client: Client::connect(address)?, count }.ask(u64::MAX, |turn| {
        let words = if turn % 2 == 0 { &corpus.english } else { &corpus.chinese };
        let text = format!("{} {}", words.pick(&mut rng), words.pick(&mut rng));
        let beginning: String = text.chars().take(1 + turn % 9).collect();
        format!("/api/v1/search/suggest?q={}", encoded(beginning.trim()))
    })?;
    Ok(vec![
        row("search of two English words, 10,000 hits at most, p99", &english, 20.0),
        row("search of a Chinese word, the same, p99", &chinese, 20.0),
        row("broad search with facets, p99", &broad, 100.0),
        row("suggestions, p99", &suggestions, 5.0),
    ])
}

/// What much is found for: the commonest words, and everything.
fn broad(corpus: &Corpus) -> Vec<String> {
    let mut texts = vec![String::new()];
    for words in [&corpus.english, &corpus.chinese] {
        texts.extend([0, 1, 10].map(|rank| words.common(rank).to_owned()));
        texts.push(format!("{} {}", words.common(0), words.common(1)));
    }
    texts
}

struct Asker {
    client: Client,
    /// Requests that count.
    count: usize,
}

impl Asker {
    /// Times requests one after the other; those with some hits, but no more
    /// than `most`, count.
    fn ask(&mut self, most: u64, mut request: impl FnMut(usize) -> String) -> Result<Vec<Duration>> {
        let (begun, mut spans) = (Instant::now(), Vec::new());
        for turn in 0.. {
            let path = request(turn);
            let asked = Instant::now();
            let body = self.client.get(&path)?.success().with_context(|| path.clone())?;
            let span = asked.elapsed();
            let reply: Value = serde_json::from_slice(&body)?;
            ensure!(reply["degraded"] != true, "the index is gone");
            // Suggestions tell no number.
            let hits = reply["total"].as_str().map_or(Ok(1), str::parse)?;
            // The first ones warm up.
            if (1..=most).contains(&hits) && turn >= self.count / 20 {
                spans.push(span);
            }
            if spans.len() == self.count || begun.elapsed() > PATIENCE {
                break;
            }
        }
        ensure!(!spans.is_empty(), "nothing was found");
        Ok(spans)
    }

    /// Half as many, whatever they find.
    fn ask_half(self, request: impl FnMut(usize) -> String) -> Result<Vec<Duration>> {
        Self { count: self.count / 2, ..self }.ask(u64::MAX, request)
    }
}

fn row(what: &str, spans: &[Duration], most: f64) -> Row {
    let spans = milliseconds(spans);
    let p99 = Number::new(percentile(&spans, 99.0), "ms");
    let p50 = format!("{} p50 of {}", Number::new(median(&spans), "ms").text(), spans.len());
    Row::limit(what, p99, p50, p99, most)
}

pub fn two_words(corpus: &Corpus, rng: &mut Rng) -> String {
    format!("{} {}", corpus.english.pick(rng), corpus.english.pick(rng))
}

/// The path of a search.
pub fn path(text: &str) -> String {
    format!("/api/v1/search?query={}", encoded(text))
}

/// As RFC 3986 has it in a query.
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

/// Of all files below a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded() {
        assert_eq!(path("two 字"), "/api/v1/search?query=two%20%E5%AD%97");
    }
}
