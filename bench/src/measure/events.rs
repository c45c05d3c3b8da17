//! Latency of an event between services: from a subscription to its notification on
//! the event stream of the channel's owner.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::json;

use super::{Bench, progress};
use crate::{
    account::{self, Account},
    fleet::Fleet,
    http::Client,
    load,
    sse::EventStream,
    stats::{milliseconds, percentile},
    table::{Number, Row},
};

const CONNECTIONS: usize = 8;
/// Between two subscriptions, so that the platform is idle.
const PAUSE: Duration = Duration::from_millis(40);
const WARM_UP: usize = 20;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let fleet = Fleet::start(bench, "events")?;
    let subscribers = if bench.quick { 120 } else { 420 };
    progress(format_args!("registering {subscribers} users"));
    let creator = account::register(fleet.gateway(), "bench_creator")?;
    let viewers: Vec<Account> = load::on_threads(CONNECTIONS, |thread| {
        let numbers = (thread..subscribers).step_by(CONNECTIONS);
        numbers
            .map(|user| account::register(fleet.gateway(), &format!("bench_user_{user}")))
            .collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    let mut client = Client::connect(fleet.gateway())?;
    wait_for_channel(&mut client, &creator)?;
    let mut stream = EventStream::open(fleet.gateway(), &creator.token)?;
    let (mut replies, mut effects) = (Vec::new(), Vec::new());
    for viewer in &viewers {
        thread::sleep(PAUSE);
        let path = format!("/api/v1/channels/{}/subscribe", creator.id);
        let begun = Instant::now();
        client.call("POST", &path, Some(&viewer.token), &json!({}))?;
        replies.push(begun.elapsed());
        stream.next()?;
        effects.push(begun.elapsed());
    }
    drop(stream);
    fleet.stop()?;
    let after_warm_up = |durations: &[Duration]| milliseconds(&durations[WARM_UP..]);
    let (replies, effects) = (after_warm_up(&replies), after_warm_up(&effects));
    let number = |values: &[f64], percent| Number::new(percentile(values, percent), "ms");
    let p99 = number(&effects, 99.0);
    let reply = format!("{} p99 of the reply", number(&replies, 99.0).text());
    Ok(vec![
        Row::limit("subscribe, from the request to its notification on a stream, p99", p99, reply, p99, 50.0),
        Row::plain("the same, p50", number(&effects, 50.0), number(&replies, 50.0).of(" p50 of the reply")),
    ])
}

/// The channel service creates the channel when it consumes the account's event.
pub fn wait_for_channel(client: &mut Client, owner: &Account) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = client.get(&format!("/api/v1/channels/{}", owner.id))?;
        if reply.status == 200 || Instant::now() > deadline {
            return reply.success().map(drop);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
