//! Recommendation's start with an empty Redis: the time until it is ready, and its
//! SQL statements.

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    catalogue,
    fleet::Fleet,
    sample_texts::SampleTexts,
    stats::median,
    table::{Number, Row},
};

const SERVICE: &str = "recommendation";
const FEW: i64 = 10_000;
const MANY: i64 = 100_000;
const STARTS: usize = 3;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (texts, few, many) = (SampleTexts::new(), bench.scaled(FEW), bench.scaled(MANY));
    let mut fleet = Fleet::prepare(bench, "warm_up", &["auth", SERVICE])?;
    fleet.disable_index();
    fleet.migrate(SERVICE)?;
    fleet.start_service("auth")?;
    catalogue::seed_recommendation(&fleet, &texts, 1..=few)?;
    let with_few = start(&mut fleet)?;
    catalogue::seed_recommendation(&fleet, &texts, few + 1..=many)?;
    let with_many = start(&mut fleet)?;
    fleet.stop()?;
    let seconds = Number::new(with_many.0, "s");
    let pages = (many - few) as f64 / 1e3;
    let each = Number::new((with_many.1 - with_few.1) / pages, "per 1000 more");
    let compared = format!("{:.0} with {few}", with_few.1);
    Ok(vec![
        Row::limit(
            format!("start with an empty Redis and {many} videos, median of {STARTS}"),
            seconds,
            format!("{} with {few}", Number::new(with_few.0, "s").text()),
            seconds,
            10.0,
        ),
        // A page of 1,000 videos, a page of their tags, and the ids of the sets, each
        // id in three of them, in pages of 10,000.
        Row::limit("SQL statements of it", Number::new(with_many.1, "in all"), compared, each, 3.0),
    ])
}

/// Seconds and statements of a start, as medians.
fn start(fleet: &mut Fleet) -> Result<(f64, f64)> {
    let (mut seconds, mut statements) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        fleet.use_empty_redis();
        let before = fleet.databases.commits(SERVICE)?;
        seconds.push(fleet.start_service(SERVICE)?.as_secs_f64());
        fleet.stop_service(SERVICE)?;
        statements.push(fleet.databases.commits(SERVICE)? - before);
    }
    progress(format_args!("seconds {seconds:.2?}, statements {statements:?}"));
    Ok((median(&seconds), median(&statements)))
}
