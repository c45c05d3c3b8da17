//! The memory and the processor time of an idle platform after a little use.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    process::MIB,
    table::{Number, Row},
};

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("idle")?;
    platform.publish_video(&bench.small_video())?;
    // The time until the measurement of processor time, and half of what that takes.
    let span = Duration::from_secs(if bench.quick { 5 } else { 30 });
    progress(format_args!("waiting {:?} after the first video", 3 * span));
    thread::sleep(span);
    let (begun, before) = (Instant::now(), platform.process.cpu_seconds()?);
    thread::sleep(span);
    let memory = Number::new(platform.process.memory()? / MIB, "MiB");
    thread::sleep(span);
    let used = platform.process.cpu_seconds()? - before;
    let percent = Number::new(used / begun.elapsed().as_secs_f64() * 100.0, "% of a core");
    platform.stop()?;
    let peertube = "618 MiB of PeerTube 6.3 (quoted)".to_owned();
    let what = format!("memory idle, {} s after the first video", 2 * span.as_secs());
    let seconds = format!("{used:.2} s in {} s", 2 * span.as_secs());
    Ok(vec![
        Row::limit(what, memory, peertube, memory, 76.0),
        Row::limit("processor time idle", percent, seconds, percent, 0.5),
    ])
}
