//! Compares reads through the platform with a bare axum handler that returns the
//! same bytes, in alternating rounds.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    reference,
    stats::median,
    table::{Number, Row},
    wrk::{self, Report},
};

const WARM_UP: Duration = Duration::from_secs(2);

/// A report per round.
pub struct Comparison {
    ours: Vec<Report>,
    bare: Vec<Report>,
}

impl Comparison {
    pub fn bare_axum(bench: &Bench, platform: SocketAddr, path: &str, rounds: usize) -> Result<Self> {
        let (_reference, bare_address) = reference::start(bench, platform, path)?;
        for address in [platform, bare_address] {
            wrk::run(address, path, WARM_UP)?;
        }
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let through = wrk::run(platform, path, bench.round_duration())?;
            let direct = wrk::run(bare_address, path, bench.round_duration())?;
            progress(format_args!("{path} {:.0}/s, bare axum {:.0}/s", through.per_second, direct.per_second));
            ours.push(through);
            bare.push(direct);
        }
        Ok(Self { ours, bare })
    }

    pub fn per_second(&self) -> Number {
        of(&self.ours, |report| report.per_second, "/s")
    }

    /// Requests per second; their ratio has to be at least `least`.
    pub fn row(&self, what: &str, least: f64) -> Row {
        Row::at_least(what, self.per_second(), axum(&self.bare, |report| report.per_second, "/s"), least)
    }

    pub fn latencies(&self) -> Vec<Row> {
        let row = |what, value| Row::plain(what, of(&self.ours, value, "ms"), axum(&self.bare, value, "ms"));
        vec![row("its p50", |report: &Report| report.p50), row("its p99", |report: &Report| report.p99)]
    }
}

fn axum(reports: &[Report], value: fn(&Report) -> f64, unit: &'static str) -> Number {
    of(reports, value, unit).of(" of bare axum")
}

fn of(reports: &[Report], value: fn(&Report) -> f64, unit: &'static str) -> Number {
    Number::new(median(&reports.iter().map(value).collect::<Vec<_>>()), unit)
}
