//! Runs the HTTP load generator wrk and parses its report.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{measure::path_text, process::Process};

pub struct Report {
    pub requests: f64,
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
}

/// As in the quoted measurements.
const CONNECTIONS: usize = 20;
/// A prime that divides no number of ranges: each is read once before any is read
/// again.
const SCATTER: u64 = 37;

/// 20 connections from one thread.
pub fn run(address: SocketAddr, path: &str, duration: Duration) -> Result<Report> {
    run_as(address, path, duration, "Accept: */*")
}

/// As [`run`], with a header.
pub fn run_as(address: SocketAddr, path: &str, duration: Duration, header: &str) -> Result<Report> {
    start(address, CONNECTIONS, duration, &["-H", header], path)
}

/// As [`run`], cycling through these paths.
pub fn run_cycling(address: SocketAddr, paths: &[String], duration: Duration, folder: &Path) -> Result<Report> {
    let quoted: Vec<String> = paths.iter().map(|path| format!("{path:?}")).collect();
    let script = format!(
        "local paths, n = {{{}}}, 0\nfunction request()\nn = n % #paths + 1\nreturn wrk.format('GET', paths[n])\nend\n",
        quoted.join(",")
    );
    run_script(address, CONNECTIONS, &script, duration, folder)
}

/// Reads `count` adjacent ranges of `length` bytes each, in scattered order.
pub fn run_ranges(
    address: SocketAddr,
    path: &str,
    (count, length): (u64, u64),
    connections: usize,
    duration: Duration,
    folder: &Path,
) -> Result<Report> {
    let script = format!(
        "local n = 0\nfunction request()\nn = n + 1\nlocal first = n * {SCATTER} % {count} * {length}\n\
         local range = string.format('bytes=%d-%d', first, first + {length} - 1)\n\
         return wrk.format('GET', '{path}', {{['Range'] = range}})\nend\n"
    );
    run_script(address, connections, &script, duration, folder)
}

/// As [`run`], with an increasing number of eight digits appended to the path.
pub fn run_numbered(address: SocketAddr, path: &str, duration: Duration, folder: &Path) -> Result<Report> {
    let script = format!(
        "local n = 0\nfunction request()\nn = n + 1\nreturn wrk.format('GET', string.format('{path}%08d', n))\nend\n"
    );
    run_script(address, CONNECTIONS, &script, duration, folder)
}

fn run_script(
    address: SocketAddr,
    connections: usize,
    script: &str,
    duration: Duration,
    folder: &Path,
) -> Result<Report> {
    let file = folder.join("wrk.lua");
    fs::write(&file, script)?;
    start(address, connections, duration, &["-s", path_text(&file)?], "/")
}

fn start(address: SocketAddr, connections: usize, duration: Duration, more: &[&str], path: &str) -> Result<Report> {
    let mut command = Command::new("wrk");
    let (connections, duration) = (format!("-c{connections}"), format!("-d{}s", duration.as_secs()));
    command.args(["-t1", "--latency", &connections, &duration]).args(more);
    let text = Process::output(command.arg(format!("http://{address}{path}")))
        .context("wrk is needed: scripts/install-tools wrk")?;
    parse(&text).with_context(|| format!("wrk printed: {text}"))
}

fn parse(text: &str) -> Result<Report> {
    for failure in ["Non-2xx", "Socket errors"] {
        ensure!(!text.contains(failure), "not every request was successful");
    }
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim).with_context(|| format!("no {label}"))
    };
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")).context("no requests")?.0;
    Ok(Report {
        requests: requests.parse()?,
        per_second: after("Requests/sec:")?.parse()?,
        p50: milliseconds(after("50%")?)?,
        p99: milliseconds(after("99%")?)?,
    })
}

fn milliseconds(text: &str) -> Result<f64> {
    // "ms" ends in "s" too.
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let found = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.with_context(|| format!("the time {text}"))?;
    Ok(number.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "  Latency Distribution\n     50%  812.00us\n     75%    1.10ms\n     90%    1.46ms\n     \
                          99%    2.25ms\n  24161 requests in 1.10s, 23.91MB read\nRequests/sec:  21964.48\n";

    #[test]
    fn parses_a_report() {
        let report = parse(REPORT).unwrap();
        assert!((report.requests - 24161.0).abs() < 1e-6);
        assert!((report.per_second - 21964.48).abs() < 1e-6);
        assert!((report.p50 - 0.812).abs() < 1e-6);
        assert!((report.p99 - 2.25).abs() < 1e-6);
    }

    #[test]
    fn reports_with_failures_are_errors() {
        assert!(parse(&format!("{REPORT}  Non-2xx or 3xx responses: 3\n")).is_err());
    }
}
