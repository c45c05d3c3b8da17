//! Logins through the gateway, compared with bare argon2id verification on the same
//! cores; and video reads during a login storm, compared with the reads alone.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use serde_json::json;

use super::{Bench, progress};
use crate::{
    account::PASSWORD,
    http, load, machine,
    platform::Platform,
    stats::{median, milliseconds, percentile},
    table::{Number, Row},
};

/// Enough that none logs in often.
const USERS: usize = 200;
const CONNECTIONS: usize = 20;
const READS_PER_SECOND: u32 = 200;
const READERS: usize = 16;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let platform = bench.platform("login")?;
    let video = platform.publish_video(&bench.small_video())?.path;
    progress(format_args!("registering {USERS} users"));
    load::on_threads(CONNECTIONS, |thread| {
        (thread..USERS).step_by(CONNECTIONS).try_for_each(|user| platform.register(&username(user)).map(drop))
    })?;
    let hash = stored_hash(&platform)?;
    login_storm(&platform, Duration::from_secs(2))?;
    let mut rows = throughput(bench, &platform, &hash)?;
    rows.extend(reads_in_a_storm(bench, &platform, &video)?);
    platform.stop()?;
    Ok(rows)
}

fn throughput(bench: &Bench, platform: &Platform, hash: &str) -> Result<Vec<Row>> {
    let (mut logins, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds() {
        let (login, verification) =
            (login_storm(platform, bench.round_duration())?, verifications(hash, bench.round_duration())?);
        progress(format_args!("logins {login:.1}/s, bare verifications {verification:.1}/s"));
        logins.push(login);
        bare.push(verification);
    }
    let bare = Number::new(median(&bare), "/s").of(" of bare argon2id verification");
    Ok(vec![Row::at_least("login, 20 connections", Number::new(median(&logins), "/s"), bare, 0.8)])
}

/// Reads at a fixed rate, alternately alone and during a login storm.
fn reads_in_a_storm(bench: &Bench, platform: &Platform, video: &str) -> Result<Vec<Row>> {
    let request = [http::get(platform.address, video)];
    let read = || load::open_loop(platform.address, READERS, READS_PER_SECOND, bench.round_duration(), &request);
    read()?;
    let (mut idle, mut stormy) = (Percentiles::default(), Percentiles::default());
    for _ in 0..bench.rounds() {
        idle.add(&read()?);
        thread::scope(|scope| {
            let lead = Duration::from_millis(500);
            let storm = scope.spawn(move || login_storm(platform, bench.round_duration() + 2 * lead));
            thread::sleep(lead);
            stormy.add(&read()?);
            storm.join().ok().context("the storm panicked")?
        })?;
    }
    for (idle, stormy) in idle.p99.iter().zip(&stormy.p99) {
        progress(format_args!("p99 of reads {idle:.2} ms alone, {stormy:.2} ms in a storm"));
    }
    let row = |ours: &[f64]| Number::new(median(ours), "ms");
    let alone = |values: &[f64]| row(values).of(" without logins");
    let what = format!("video reads at {READS_PER_SECOND}/s during a login storm, p99");
    Ok(vec![
        Row::at_most(what, row(&stormy.p99), alone(&idle.p99), 2.0),
        Row::plain("the same, p50", row(&stormy.p50), alone(&idle.p50)),
    ])
}

/// Per round, in milliseconds.
#[derive(Default)]
struct Percentiles {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Percentiles {
    fn add(&mut self, latencies: &[Duration]) {
        let latencies = milliseconds(latencies);
        self.p50.push(percentile(&latencies, 50.0));
        self.p99.push(percentile(&latencies, 99.0));
    }
}

/// Logs in as fast as possible. Returns logins per second.
fn login_storm(platform: &Platform, duration: Duration) -> Result<f64> {
    load::closed_loop(platform.address, CONNECTIONS, duration, |number| {
        let body = json!({"username": username(number % USERS), "password": PASSWORD});
        http::post(platform.address, "/api/v1/auth/login", &body)
    })
}

/// Verifies on all cores. Returns verifications per second.
fn verifications(hash: &str, duration: Duration) -> Result<f64> {
    let end = Instant::now() + duration;
    let counts = load::on_threads(machine::cores(), |_| {
        let mut count = 0;
        loop {
            verify(hash)?;
            if Instant::now() >= end {
                return Ok(count);
            }
            count += 1;
        }
    })?;
    Ok(counts.iter().sum::<usize>() as f64 / duration.as_secs_f64())
}

fn verify(hash: &str) -> Result<()> {
    let hash = PasswordHash::new(hash).ok().context("a hash in PHC form")?;
    Argon2::default().verify_password(PASSWORD.as_bytes(), &hash).ok().context("the hash of the password")
}

/// A stored hash of [`PASSWORD`], found in the database file without knowing the
/// table, so that the comparison has the same argon2id parameters.
fn stored_hash(platform: &Platform) -> Result<String> {
    let bytes = platform.database("auth")?;
    let text = String::from_utf8_lossy(&bytes);
    let starts = text.match_indices("$argon2id$").map(|(start, _)| &text[start..]);
    let mut hashes = starts.filter_map(first_hash);
    hashes.find(|hash| verify(hash).is_ok()).context("no argon2id hash of the password in the database of auth")
}

/// Parses `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, followed by anything: the hash has
/// 32 bytes, 43 characters in base64.
fn first_hash(text: &str) -> Option<String> {
    let end = text.match_indices('$').nth(4)?.0 + 1 + 43;
    text.get(..end).map(str::to_owned)
}

fn username(number: usize) -> String {
    format!("bench_user_{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_ends_where_the_next_column_begins() {
        let hash = format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA${}", "A".repeat(43));
        assert_eq!(first_hash(&format!("{hash}user2026")), Some(hash.clone()));
        assert_eq!(first_hash("$argon2id$v=19"), None);
    }
}
