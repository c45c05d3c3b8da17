//! A large upload through the gateway, against the same bytes sent straight to
//! the same kind of object store; and the memory that it takes.

use std::{thread, time::Duration};

use anyhow::Result;
use tokio::{runtime::Runtime, time::Instant};

use super::{Bench, say};
use crate::{
    process::MIB,
    stats::median,
    store,
    table::{Number, Row},
    video,
};

const SETTLE: Duration = Duration::from_secs(5);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let size: u64 = if bench.quick { 256 << 20 } else { 1 << 30 };
    let rounds = if bench.quick { 1 } else { 3 };
    let file = bench.path("large.mp4");
    video::make_large(&bench.small_video(), &file, size)?;
    let (server, address) = store::start(&bench.path("store"))?;
    let (runtime, straight) = (Runtime::new()?, store::connect(address)?);

    let platform = bench.platform("upload")?;
    let token = platform.tour(&bench.small_video())?.token;
    thread::sleep(SETTLE);
    let idle = platform.process.memory()?;
    platform.process.reset_peak()?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        flush();
        let begun = Instant::now();
        platform.upload(&token, &file)?;
        let through = speed(size, begun.elapsed());
        flush();
        let direct = speed(size, runtime.block_on(store::upload(&straight, &file))?);
        say(format_args!("upload {through:.0} MB/s, straight to the store {direct:.0} MB/s"));
        ours.push(through);
        bare.push(direct);
    }
    let peak = platform.process.peak_memory()?;
    platform.stop()?;
    drop(server);

    let what = format!("upload of {} MiB", size >> 20);
    let straight = Number::new(median(&bare), "MB/s").of(" straight to the object store");
    let (peak, idle) = (Number::new(peak / MIB, "MiB"), Number::new(idle / MIB, "MiB"));
    let more = Number::new(peak.value - idle.value, "MiB");
    Ok(vec![
        Row::at_least(what.as_str(), Number::new(median(&ours), "MB/s"), straight, 0.5),
        Row::limit(format!("peak memory during the {what}"), peak, format!("{} idle", idle.text()), more, 96.0),
    ])
}

/// Megabytes a second.
fn speed(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

/// What the round before left for the disk must not slow the next.
fn flush() {
    rustix::fs::sync();
    thread::sleep(Duration::from_millis(500));
}
