//! The memory of an idle platform after a little use.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    process::MIB,
    table::{Number, Row},
};

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("memory")?;
    platform.publish_video(&bench.small_video())?;
    let idle = Duration::from_secs(if bench.quick { 5 } else { 60 });
    progress(format_args!("waiting {idle:?} after the first video"));
    thread::sleep(idle);
    let memory = Number::new(platform.process.memory()? / MIB, "MiB");
    platform.stop()?;
    let peertube = "618 MiB of PeerTube 6.3 (quoted)".to_owned();
    let what = format!("memory idle, {} s after the first video", idle.as_secs());
    Ok(vec![Row::limit(what, memory, peertube, memory, 120.0)])
}
