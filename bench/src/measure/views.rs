//! Views of one video by distinct viewers, at content's port with Redis: how
//! many a second, and how often the video's row is written for them.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Bench, say};
use crate::{
    catalogue::{self, FIRST_VIDEO},
    corpus::Corpus,
    fleet::Fleet,
    table::{Number, Row},
    wrk,
};

const SERVICE: &str = "content";
const FLUSH_EVERY: Duration = Duration::from_secs(2);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut fleet = Fleet::prepare(bench, "views", &["auth", SERVICE])?;
    fleet.use_empty_redis();
    fleet.set("FENZ_CONTENT__VIEWS__FLUSH_EVERY", format!("{}s", FLUSH_EVERY.as_secs()));
    fleet.migrate(SERVICE)?;
    catalogue::publish(&fleet, &Corpus::new(), 1)?;
    fleet.start_all()?;
    let (address, folder) = (fleet.address(SERVICE), fleet.path(""));
    let watch = |viewers: &str, span| {
        let path = format!("/api/v1/videos/{}?sessionId={viewers}-", FIRST_VIDEO + 1);
        wrk::run_numbered(address, &path, span, &folder)
    };
    let warm_up = watch("early", Duration::from_secs(2))?;
    let before = views_above(&fleet, warm_up.requests)?;
    let report = watch("viewer", bench.span())?;
    let counted = views_above(&fleet, before + report.requests)? - before;
    fleet.stop_service(SERVICE)?;
    // Its connections have told what they did when they are closed.
    thread::sleep(Duration::from_secs(1));
    let number = |query: &str| fleet.databases.number(SERVICE, query);
    let updates = number("SELECT n_tup_upd::float8 FROM pg_stat_user_tables WHERE relname = 'videos'")?;
    let flushes = number("SELECT count(*)::float8 FROM view_flushes")?;
    fleet.stop()?;
    say(format_args!("{counted:.0} views of {:.0} requests, {flushes} flushes, {updates} updates", report.requests));
    ensure!(flushes > 0.0, "nothing was flushed");
    // What a view too few would be worth, none is; those on their way at the end
    // count without a reply.
    let rate = Number::new(report.per_second * (counted / report.requests).min(1.0), "/s");
    let each = Number::new(updates / flushes, "each");
    let compared = format!("{counted:.0} stored of {:.0} replies", report.requests);
    Ok(vec![
        Row::floor("views of one video by distinct viewers, 20 connections", rate, compared, rate, 10_000.0),
        Row::limit("UPDATEs of its row in a flush", each, format!("{updates:.0} in {flushes:.0} flushes"), each, 1.0),
    ])
}

/// The views that are stored, once they are as many, or do not grow any more.
fn views_above(fleet: &Fleet, expected: f64) -> Result<f64> {
    let begun = Instant::now();
    loop {
        // Two times longer than between two flushes.
        thread::sleep(2 * FLUSH_EVERY);
        let stored = fleet.databases.number(SERVICE, "SELECT sum(views_non_member)::float8 FROM videos")?;
        if stored >= expected || begun.elapsed() > FLUSH_TIMEOUT {
            return Ok(stored);
        }
    }
}
