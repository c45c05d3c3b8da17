//! A stored file played in ranges through the gateway, compared with nginx and the
//! same file on disk.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Bench, progress};
use crate::{
    http::{self, Client},
    nginx::{self, Nginx},
    process::Process,
    stats::median,
    table::{Number, Row},
    video, wrk,
};

const FILE: &str = "played.mp4";
const RANGE: u64 = 1 << 20;
const RANGES: u64 = 256;
const CONNECTIONS: usize = 8;
const WARM_UP: Duration = Duration::from_secs(2);
/// A large file is published when it is probed.
const PLAYABLE_TIMEOUT: Duration = Duration::from_secs(30);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let file = bench.path(FILE);
    video::generate_large(&bench.small_video(), &file, RANGES * RANGE)?;
    let platform = bench.platform("bytes")?;
    let video = platform.publish_video(&file)?.path;
    let playback = wait_until_playable(platform.address, &video)?;
    let nginx = Nginx::start(bench)?;

    let through = Server::new(&platform.process, platform.address, playback)?;
    let copying = Server::new(nginx.process()?, nginx.address, nginx::copied(FILE))?;
    let sendfile = Server::new(nginx.process()?, nginx.address, nginx::sent(FILE))?;
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for server in [&through, &copying, &sendfile] {
        server.play(bench, WARM_UP)?;
    }
    for _ in 0..bench.rounds() {
        for (server, rounds) in [&through, &copying, &sendfile].into_iter().zip(&mut rounds) {
            let played = server.play(bench, bench.round_duration())?;
            progress(format_args!("{} {:.2} GB/s, {:.2} s/GB", server.address, played.speed, played.cpu));
            rounds.push(played);
        }
    }
    drop(nginx);
    platform.stop()?;
    Ok(rows(&rounds))
}

fn rows([ours, copying, sendfile]: &[Vec<Played>; 3]) -> Vec<Row> {
    let cpu = |rounds: &[Played]| of(rounds, |played| played.cpu, "s/GB");
    let speed = |rounds: &[Played]| of(rounds, |played| played.speed, "GB/s");
    let what = format!("processor time of playback in ranges of 1 MiB, {CONNECTIONS} connections");
    let compared = format!("{} of nginx", cpu(copying).text());
    vec![
        Row::limit(what, cpu(ours), compared, cpu(ours), 1.0),
        Row::at_least("its throughput", speed(ours), speed(copying).of(" of nginx"), 0.7),
        Row::plain("its processor time", cpu(ours), cpu(sendfile).of(" of nginx with sendfile")),
        Row::plain("its throughput", speed(ours), speed(sendfile).of(" of nginx with sendfile")),
    ]
}

/// Results of a round.
struct Played {
    /// Seconds of the server's processor time per gigabyte.
    cpu: f64,
    /// Gigabytes per second.
    speed: f64,
}

fn of(rounds: &[Played], value: fn(&Played) -> f64, unit: &'static str) -> Number {
    Number::new(median(&rounds.iter().map(value).collect::<Vec<_>>()), unit)
}

/// A server and the path of the file.
struct Server<'a> {
    process: &'a Process,
    address: SocketAddr,
    path: String,
}

impl<'a> Server<'a> {
    fn new(process: &'a Process, address: SocketAddr, path: String) -> Result<Self> {
        let server = Self { process, address, path };
        // The load generator does not check how much a reply contains.
        let range = http::get_range(address, &server.path, RANGE, 2 * RANGE - 1);
        let reply = Client::connect(address)?.send(&range)?;
        ensure!(reply.status == 206 && reply.body.len() as u64 == RANGE, "{address} answers no ranges");
        Ok(server)
    }

    fn play(&self, bench: &Bench, duration: Duration) -> Result<Played> {
        let before = self.process.cpu_seconds()?;
        let ranges = (RANGES, RANGE);
        let report = wrk::run_ranges(self.address, &self.path, ranges, CONNECTIONS, duration, &bench.path(""))?;
        let used = self.process.cpu_seconds()? - before;
        let gigabytes = |requests: f64| requests * RANGE as f64 / 1e9;
        Ok(Played { cpu: used / gigabytes(report.requests), speed: gigabytes(report.per_second) })
    }
}

/// Returns the signed path of playback.
fn wait_until_playable(address: SocketAddr, video: &str) -> Result<String> {
    let mut client = Client::connect(address)?;
    let begun = Instant::now();
    loop {
        let reply: Value = serde_json::from_slice(&client.get(video)?.success()?)?;
        let path = reply.pointer("/video/playbackUrl").and_then(Value::as_str).context("no playbackUrl")?;
        // Media learns of the publication from an event.
        if client.send(&http::get_range(address, path, 0, 0))?.status == 206 {
            return Ok(path.to_owned());
        }
        ensure!(begun.elapsed() < PLAYABLE_TIMEOUT, "{video} is not playable after {PLAYABLE_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
