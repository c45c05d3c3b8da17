//! Load on a server: as fast as it answers, or at a fixed rate whatever it does.
//! Threads of their own, one connection each: no runtime stands in between.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::http::Client;

/// Every connection sends its next request when it has the reply to the last.
/// `request` makes the n-th of all. Gives successful requests a second.
pub fn closed(
    address: SocketAddr,
    connections: usize,
    span: Duration,
    request: impl Fn(usize) -> Vec<u8> + Sync,
) -> Result<f64> {
    let request = &request;
    let end = Instant::now() + span;
    let counts = on_threads(connections, |thread| {
        let mut client = Client::connect(address)?;
        let mut count = 0;
        while Instant::now() < end {
            client.send(&request(count * connections + thread))?.success()?;
            count += 1;
        }
        // The last one came too late.
        Ok(count.saturating_sub(1))
    })?;
    Ok(counts.iter().sum::<usize>() as f64 / span.as_secs_f64())
}

/// Sends `rate` requests a second, these in turn, over all connections, evenly
/// spaced. Where the reply before came too late, a latency counts from when the
/// request was due, so a server that stalls is charged for all that waited (no
/// coordinated omission); else from when it was sent, so that nobody is charged
/// for a late timer of ours.
pub fn open(
    address: SocketAddr,
    connections: usize,
    rate: u32,
    span: Duration,
    requests: &[Vec<u8>],
) -> Result<Vec<Duration>> {
    let gap = Duration::from_secs(1) / rate;
    let total = (span.as_secs_f64() * f64::from(rate)) as usize;
    let start = Instant::now() + Duration::from_millis(50);
    let latencies = on_threads(connections, |thread| {
        let mut client = Client::connect(address)?;
        let mut latencies = Vec::new();
        for number in (thread..total).step_by(connections) {
            let due = start + gap * number as u32;
            let early = due.saturating_duration_since(Instant::now());
            thread::sleep(early);
            let begun = if early.is_zero() { due } else { Instant::now() };
            client.send(&requests[number % requests.len()])?.success()?;
            latencies.push(begun.elapsed());
        }
        Ok(latencies)
    })?;
    Ok(latencies.into_iter().flatten().collect())
}

/// Runs the same on `count` threads, which get their number, and waits for all.
pub fn on_threads<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().ok().context("a thread panicked")?).collect()
    })
}
