//! GET videos/{id} through the gateway, against a bare axum handler that
//! returns the same bytes.

use anyhow::Result;

use super::{Bench, beside::Beside};
use crate::table::{Number, Row};

/// Quoted from the issue for a machine like this and 20 connections, not measured here.
const PEERTUBE_PER_SECOND: f64 = 327.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("read")?;
    let video = platform.tour(&bench.small_video())?.video;
    let beside = Beside::bare_axum(bench, platform.address, &video, bench.rounds())?;
    platform.stop()?;
    let peertube = Number::new(PEERTUBE_PER_SECOND, "/s").of(" of PeerTube 6.3 (quoted)");
    let mut rows = vec![
        beside.row("GET videos/{id}, 20 connections", 0.25),
        Row::at_least("the same", beside.per_second(), peertube, 10.0),
    ];
    rows.extend(beside.latencies());
    Ok(rows)
}
