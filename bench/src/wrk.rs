//! The HTTP load generator wrk, and the report that it prints.

use std::{net::SocketAddr, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

pub struct Report {
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
}

/// 20 connections from one thread, as the quoted numbers were taken.
pub fn run(address: SocketAddr, path: &str, span: Duration) -> Result<Report> {
    run_as(address, path, span, "Accept: */*")
}

/// As [`run`], with a header.
pub fn run_as(address: SocketAddr, path: &str, span: Duration, header: &str) -> Result<Report> {
    let output = Command::new("wrk")
        .args(["-t1", "-c20", "--latency", &format!("-d{}s", span.as_secs()), "-H", header])
        .arg(format!("http://{address}{path}"))
        .output()
        .context("wrk is needed: scripts/install-tools wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    read(&text).with_context(|| format!("wrk said: {text}"))
}

fn read(text: &str) -> Result<Report> {
    for complaint in ["Non-2xx", "Socket errors"] {
        ensure!(!text.contains(complaint), "not every request was answered with success");
    }
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim).with_context(|| format!("no {label}"))
    };
    Ok(Report {
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
    fn reads_a_report() {
        let report = read(REPORT).unwrap();
        assert!((report.per_second - 21964.48).abs() < 1e-6);
        assert!((report.p50 - 0.812).abs() < 1e-6);
        assert!((report.p99 - 2.25).abs() < 1e-6);
    }

    #[test]
    fn refuses_numbers_of_failures() {
        assert!(read(&format!("{REPORT}  Non-2xx or 3xx responses: 3\n")).is_err());
    }
}
