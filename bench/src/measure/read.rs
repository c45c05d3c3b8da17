//! GET videos/{id} through the gateway, compared with a bare axum handler that
//! returns the same bytes: of one process, and of a fleet.

use anyhow::Result;

use super::{Bench, comparison::Comparison, events::wait_for_channel};
use crate::{
    account,
    fleet::Fleet,
    http::Client,
    table::{Number, Row},
};

/// Quoted for a similar machine and 20 connections, not measured here.
const PEERTUBE_PER_SECOND: f64 = 327.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("read")?;
    let video = platform.publish_video(&bench.small_video())?.path;
    let comparison = Comparison::bare_axum(bench, platform.address, &video, bench.rounds())?;
    platform.stop()?;
    let peertube = Number::new(PEERTUBE_PER_SECOND, "/s").of(" of PeerTube 6.3 (quoted)");
    let mut rows = vec![
        comparison.row("GET videos/{id}, 20 connections", 0.5),
        Row::at_least("the same", comparison.per_second(), peertube, 10.0),
    ];
    rows.extend(comparison.latencies());
    rows.extend(of_a_fleet(bench)?);
    Ok(rows)
}

/// Gateway and content are separate processes.
fn of_a_fleet(bench: &Bench) -> Result<Vec<Row>> {
    let fleet = Fleet::start(bench, "read")?;
    let creator = account::register(fleet.gateway(), "bench_creator")?;
    let mut client = Client::connect(fleet.gateway())?;
    wait_for_channel(&mut client, &creator)?;
    let upload = account::upload(fleet.gateway(), &creator.token, &bench.small_video())?;
    let video = account::publish(&mut client, &creator.token, &upload)?;
    client.get(&video)?.success()?;
    let comparison = Comparison::bare_axum(bench, fleet.gateway(), &video, bench.rounds())?;
    fleet.stop()?;
    let mut rows = vec![comparison.row("the same of a fleet, gateway and content as processes", 0.3)];
    rows.extend(comparison.latencies());
    Ok(rows)
}
