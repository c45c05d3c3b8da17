//! A large upload through the gateway, compared with an axum handler that writes the
//! same body to a file and syncs it; and its memory.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    http::Client,
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
    video::generate_large(&bench.small_video(), &file, size)?;
    let (server, address) = store::start(&bench.path(""))?;

    let platform = bench.platform("upload")?;
    let token = platform.publish_video(&bench.small_video())?.token;
    thread::sleep(SETTLE);
    let idle = platform.process.memory()?;
    platform.process.reset_peak()?;
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        flush();
        let begun = Instant::now();
        platform.upload(&token, &file)?;
        let through = speed(size, begun.elapsed());
        flush();
        let begun = Instant::now();
        Client::connect(address)?.upload("/api/v1/upload/video", &token, &file)?;
        let direct = speed(size, begun.elapsed());
        progress(format_args!("upload {through:.0} MB/s, bare axum {direct:.0} MB/s"));
        ours.push(through);
        reference.push(direct);
    }
    let peak = platform.process.peak_memory()?;
    platform.stop()?;
    drop(server);

    let what = format!("upload of {} MiB", size >> 20);
    let direct = Number::new(median(&reference), "MB/s").of(" of bare axum, written and synced");
    let (peak, idle) = (Number::new(peak / MIB, "MiB"), Number::new(idle / MIB, "MiB"));
    let more = Number::new(peak.value - idle.value, "MiB");
    Ok(vec![
        Row::at_least(what.as_str(), Number::new(median(&ours), "MB/s"), direct, 0.8),
        Row::limit(format!("peak memory during the {what}"), peak, format!("{} idle", idle.text()), more, 96.0),
    ])
}

/// Megabytes per second.
fn speed(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

/// Pending writes of a round must not slow the next one.
fn flush() {
    rustix::fs::sync();
    thread::sleep(Duration::from_millis(500));
}
