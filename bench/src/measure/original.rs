//! Searches and recommendations through the gateway, compared with the queries of
//! the original design on MariaDB, with the same catalogue.

use std::collections::HashSet;

use anyhow::Result;

use super::{Bench, progress, recommended, search};
use crate::{
    catalogue,
    fleet::Fleet,
    mariadb::MariaDb,
    sample_texts::{Rng, SampleTexts},
    stats::median,
    table::{Number, Row},
    wrk,
};

const VIDEOS: i64 = 1_000_000;
const ROUNDS: usize = 3;
/// Enough that none is repeated in a round.
const SEARCHES: usize = 100_000;
/// Shorter words are not indexed: the default of `innodb_ft_min_token_size`.
const MIN_WORD: usize = 3;
const GUESTS: usize = 500;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (texts, videos) = (SampleTexts::new(), bench.scaled(VIDEOS));
    let fleet = start(bench, &texts, videos)?;
    let mariadb = MariaDb::create(fleet.runtime.clone(), "catalogue")?;
    catalogue::seed_original(&mariadb, &texts, videos)?;
    let rows =
        vec![searches(bench, &fleet, &mariadb, &texts, videos)?, recommendations(bench, &fleet, &mariadb, videos)?];
    drop(mariadb);
    fleet.stop()?;
    Ok(rows)
}

fn start(bench: &Bench, texts: &SampleTexts, videos: i64) -> Result<Fleet> {
    let mut fleet = Fleet::prepare(bench, "original", &["auth", "recommendation", "gateway"])?;
    fleet.use_empty_redis();
    fleet.set("FENZ_RECOMMENDATION__WARM_VIDEOS", videos.to_string());
    fleet.migrate("recommendation")?;
    catalogue::seed_recommendation(&fleet, texts, 1..=videos)?;
    fleet.start_all()?;
    search::wait_for_index(fleet.gateway())?;
    Ok(fleet)
}

/// Two English words that both have to match, each search once.
fn searches(bench: &Bench, fleet: &Fleet, mariadb: &MariaDb, texts: &SampleTexts, videos: i64) -> Result<Row> {
    let (mut rng, mut known) = (Rng::new(3), HashSet::new());
    let random = std::iter::repeat_with(|| search::two_words(texts, &mut rng));
    let is_indexed = |words: &String| words.split(' ').all(|word| word.len() >= MIN_WORD);
    let words: Vec<String> =
        random.filter(|words| is_indexed(words) && known.insert(words.clone())).take(SEARCHES * (ROUNDS + 1)).collect();
    let query = |words: &str| {
        format!(
            "SELECT id, title, description FROM videos \
             WHERE MATCH (title, description) AGAINST ('+{}' IN BOOLEAN MODE) LIMIT 20",
            words.replace(' ', " +")
        )
    };
    let ours = |round: usize| {
        let paths: Vec<String> = words_of(&words, round).iter().map(|words| search::path(words)).collect();
        wrk::run_cycling(fleet.gateway(), &paths, bench.round_duration(), &fleet.path(""))
    };
    let theirs = |round: usize| {
        let words = words_of(&words, round);
        mariadb.closed_loop(bench.round_duration(), |n| query(&words[n % words.len()]))
    };
    let what = format!("GET search of two words, each once, {videos} videos, 20 connections");
    let (ours, theirs) = rounds("searches", |round| Ok(ours(round)?.per_second), theirs)?;
    Ok(Row::at_least(what, ours, theirs.of(" of MATCH … AGAINST on MariaDB"), 1.0))
}

/// The searches of a round.
fn words_of(words: &[String], round: usize) -> &[String] {
    &words[round * SEARCHES..][..SEARCHES]
}

/// Of 500 guests in turn, each with five tags of its own.
fn recommendations(bench: &Bench, fleet: &Fleet, mariadb: &MariaDb, videos: i64) -> Result<Row> {
    let paths = recommended::guest_paths(fleet, GUESTS)?;
    let tags: Vec<String> = recommended::tag_choices().take(GUESTS).map(|tags| tags.join(",")).collect();
    // Only ids are ordered, which costs less than whole videos.
    let query = |n: usize| {
        format!(
            "SELECT id, title, description, published_at FROM videos JOIN (SELECT video_id FROM video_tags \
             WHERE tag_id IN ({}) ORDER BY RAND() LIMIT 20) chosen ON id = video_id",
            tags[n % tags.len()]
        )
    };
    let ours = |_| {
        let report = wrk::run_cycling(fleet.gateway(), &paths, bench.round_duration(), &fleet.path(""))?;
        Ok(report.per_second)
    };
    let what = format!("GET videos/recommended of {GUESTS} guests, {videos} videos, 20 connections");
    let (ours, theirs) = rounds("recommendations", ours, |_| mariadb.closed_loop(bench.round_duration(), query))?;
    Ok(Row::at_least(what, ours, theirs.of(" of ORDER BY RAND() on MariaDB"), 1.0))
}

/// The medians of alternating rounds, after one to warm up.
fn rounds(
    what: &str,
    ours: impl Fn(usize) -> Result<f64>,
    theirs: impl Fn(usize) -> Result<f64>,
) -> Result<(Number, Number)> {
    let (mut ours_per_second, mut theirs_per_second) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (through, direct) = (ours(round)?, theirs(round)?);
        progress(format_args!("{what} {through:.1}/s, MariaDB {direct:.1}/s"));
        if round > 0 {
            ours_per_second.push(through);
            theirs_per_second.push(direct);
        }
    }
    let number = |values: &[f64]| Number::new(median(values), "/s");
    Ok((number(&ours_per_second), number(&theirs_per_second)))
}
