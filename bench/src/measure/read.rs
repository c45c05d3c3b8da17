//! GET videos/{id} through the gateway, compared with a bare axum handler that
//! returns the same bytes.

use anyhow::Result;

use super::{Bench, comparison::Comparison};
use crate::table::{Number, Row};

/// Quoted for a similar machine and 20 connections, not measured here.
const PEERTUBE_PER_SECOND: f64 = 327.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("read")?;
    let video = platform.publish_video(&bench.small_video())?.path;
    let comparison = Comparison::bare_axum(bench, platform.address, &video, bench.rounds())?;
    platform.stop()?;
    let peertube = Number::new(PEERTUBE_PER_SECOND, "/s").of(" of PeerTube 6.3 (quoted)");
    let mut rows = vec![
        comparison.row("GET videos/{id}, 20 connections", 0.25),
        Row::at_least("the same", comparison.per_second(), peertube, 10.0),
    ];
    rows.extend(comparison.latencies());
    Ok(rows)
}
