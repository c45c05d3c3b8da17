//! GET videos/{id} through the gateway, against a bare axum handler that
//! returns the same bytes.

use std::{fs, net::SocketAddr, time::Duration};

use anyhow::Result;

use super::{Bench, path_text, say};
use crate::{
    http::Client,
    process::Process,
    reference::Recorded,
    stats::median,
    table::{Number, Row},
    wrk::{self, Report},
};

/// Quoted from the issue for a machine like this and 20 connections, not measured here.
const PEERTUBE_PER_SECOND: f64 = 327.0;
const WARM_UP: Duration = Duration::from_secs(2);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("read")?;
    let video = platform.tour(&bench.small_video())?.video;
    let (reference, reference_address) = start_reference(bench, platform.address, &video)?;
    for address in [platform.address, reference_address] {
        wrk::run(address, &video, WARM_UP)?;
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds() {
        let through = wrk::run(platform.address, &video, bench.span())?;
        let direct = wrk::run(reference_address, &video, bench.span())?;
        say(format_args!("video reads {:.0}/s, bare axum {:.0}/s", through.per_second, direct.per_second));
        ours.push(through);
        bare.push(direct);
    }
    drop(reference);
    platform.stop()?;
    Ok(rows(&ours, &bare))
}

/// Records one reply of the platform and serves it.
fn start_reference(bench: &Bench, platform: SocketAddr, video: &str) -> Result<(Process, SocketAddr)> {
    let reply = Client::connect(platform)?.get(video)?;
    let recorded = Recorded { headers: reply.headers.clone(), body: String::from_utf8(reply.success()?)? };
    let file = bench.path("reply.json");
    fs::write(&file, serde_json::to_vec(&recorded)?)?;
    Process::start_server(&["reference", "--reply", path_text(&file)?])
}

fn rows(ours: &[Report], bare: &[Report]) -> Vec<Row> {
    let of = |reports: &[Report], value: fn(&Report) -> f64, unit| {
        Number::new(median(&reports.iter().map(value).collect::<Vec<_>>()), unit)
    };
    let per_second = of(ours, |report| report.per_second, "/s");
    let axum = |value, unit| of(bare, value, unit).of(" of bare axum");
    let peertube = Number::new(PEERTUBE_PER_SECOND, "/s").of(" of PeerTube 6.3 (quoted)");
    vec![
        Row::at_least("GET videos/{id}, 20 connections", per_second, axum(|report| report.per_second, "/s"), 0.25),
        Row::at_least("the same", per_second, peertube, 10.0),
        Row::plain("its p50", of(ours, |report| report.p50, "ms"), axum(|report| report.p50, "ms")),
        Row::plain("its p99", of(ours, |report| report.p99, "ms"), axum(|report| report.p99, "ms")),
    ]
}
