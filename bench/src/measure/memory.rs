//! The memory of a platform that has been used a little and then left alone.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Bench, say};
use crate::{
    process::MIB,
    table::{Number, Row},
};

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("memory")?;
    platform.tour(&bench.small_video())?;
    let rest = Duration::from_secs(if bench.quick { 5 } else { 60 });
    say(format_args!("waiting {rest:?} after the tour"));
    thread::sleep(rest);
    let memory = Number::new(platform.process.memory()? / MIB, "MiB");
    platform.stop()?;
    let peertube = "618 MiB of PeerTube 6.3 (quoted)".to_owned();
    let what = format!("memory idle, {} s after the tour", rest.as_secs());
    Ok(vec![Row::limit(what, memory, peertube, memory, 120.0)])
}
