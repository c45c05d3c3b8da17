//! Load generators, with a thread for each connection: no runtime adds latency.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::http::Client;

/// Closed loop: every connection sends its next request after the reply to the last.
/// `request` makes the n-th request. Returns successful requests per second.
pub fn closed_loop(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    request: impl Fn(usize) -> Vec<u8> + Sync,
) -> Result<f64> {
    let request = &request;
    let end = Instant::now() + duration;
    let counts = on_threads(connections, |thread| {
        let mut client = Client::connect(address)?;
        let mut count = 0;
        while Instant::now() < end {
            client.send(&request(count * connections + thread))?.success()?;
            count += 1;
        }
        // The last reply came after the end.
        Ok(count.saturating_sub(1))
    })?;
    Ok(counts.iter().sum::<usize>() as f64 / duration.as_secs_f64())
}

/// Open loop: sends `rate` evenly spaced requests per second, cycling through
/// `requests`, over all connections. If the reply before came too late, the latency
/// counts from the scheduled time (no coordinated omission); otherwise from the
/// actual time, which excludes our own timer's delay.
pub fn open_loop(
    address: SocketAddr,
    connections: usize,
    rate: u32,
    duration: Duration,
    requests: &[Vec<u8>],
) -> Result<Vec<Duration>> {
    let gap = Duration::from_secs(1) / rate;
    let total = (duration.as_secs_f64() * f64::from(rate)) as usize;
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

/// Runs `work` on `count` threads with their numbers, and waits for all.
pub fn on_threads<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().ok().context("a thread panicked")?).collect()
    })
}
