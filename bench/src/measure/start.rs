//! From exec to ready, with a data folder that is not empty.

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    stats::{median, milliseconds},
    table::{Number, Row},
};

const STARTS: usize = 5;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("start")?;
    platform.publish_video(&bench.small_video())?;
    let first = platform.start_took;
    platform.stop()?;
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let platform = bench.platform("start")?;
        took.push(platform.start_took);
        platform.stop()?;
    }
    progress(format_args!("first start {first:.0?}, later {took:.0?}"));
    let first = Number::new(first.as_secs_f64() * 1e3, "ms").text();
    let second = Number::new(median(&milliseconds(&took)), "ms");
    let what = format!("exec to ready with existing data, median of {STARTS}");
    Ok(vec![Row::limit(what, second, format!("{first} on an empty folder"), second, 1000.0)])
}
