//! Views of one video by distinct viewers, at content's port with Redis: their rate,
//! and the UPDATEs of the video's row.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Bench, progress};
use crate::{
    catalogue::{self, FIRST_VIDEO},
    fleet::Fleet,
    sample_texts::SampleTexts,
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
    catalogue::seed_content(&fleet, &SampleTexts::new(), 1)?;
    fleet.start_all()?;
    let (address, folder) = (fleet.address(SERVICE), fleet.path(""));
    let view = |viewers: &str, duration| {
        let path = format!("/api/v1/videos/{}?sessionId={viewers}-", FIRST_VIDEO + 1);
        wrk::run_numbered(address, &path, duration, &folder)
    };
    let warm_up = view("early", Duration::from_secs(2))?;
    let before = stored_views(&fleet, warm_up.requests)?;
    let report = view("viewer", bench.round_duration())?;
    let counted = stored_views(&fleet, before + report.requests)? - before;
    fleet.stop_service(SERVICE)?;
    // Closed connections have reported their statistics.
    thread::sleep(Duration::from_secs(1));
    let number = |query: &str| fleet.databases.number(SERVICE, query);
    let updates = number("SELECT n_tup_upd::float8 FROM pg_stat_user_tables WHERE relname = 'videos'")?;
    let flushes = number("SELECT count(*)::float8 FROM view_flushes")?;
    fleet.stop()?;
    progress(format_args!(
        "{counted:.0} views of {:.0} requests, {flushes} flushes, {updates} updates",
        report.requests
    ));
    ensure!(flushes > 0.0, "nothing was flushed");
    // Lost views reduce the rate; views in flight at the end are stored without a
    // counted reply.
    let rate = Number::new(report.per_second * (counted / report.requests).min(1.0), "/s");
    let each = Number::new(updates / flushes, "each");
    let compared = format!("{counted:.0} stored of {:.0} replies", report.requests);
    Ok(vec![
        Row::floor("views of one video by distinct viewers, 20 connections", rate, compared, rate, 10_000.0),
        Row::limit("UPDATEs of its row in a flush", each, format!("{updates:.0} in {flushes:.0} flushes"), each, 1.0),
    ])
}

/// Waits until the stored views reach `expected`, or a timeout, and returns them.
fn stored_views(fleet: &Fleet, expected: f64) -> Result<f64> {
    let begun = Instant::now();
    loop {
        thread::sleep(2 * FLUSH_EVERY);
        let stored = fleet.databases.number(SERVICE, "SELECT sum(views_non_member)::float8 FROM videos")?;
        if stored >= expected || begun.elapsed() > FLUSH_TIMEOUT {
            return Ok(stored);
        }
    }
}
