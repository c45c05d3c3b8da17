//! Measures the queue.

use std::{collections::HashMap, time::Duration};

use fenz_chassis::Platform;

use crate::{Jobs, State, store};

const MEASURE: Duration = Duration::from_secs(15);

/// Measures jobs of these kinds, also those of which there are none.
pub fn start(platform: &Platform, jobs: &Jobs, kinds: Vec<&'static str>) {
    let jobs = jobs.clone();
    platform.every("jobs.gauges", MEASURE, move || {
        let (jobs, kinds) = (jobs.clone(), kinds.clone());
        async move { measure(&jobs, &kinds).await }
    });
}

async fn measure(jobs: &Jobs, kinds: &[&'static str]) -> anyhow::Result<()> {
    let (service, now) = (jobs.service, jobs.clock.now());
    let mut counts: HashMap<(&'static str, State), i64> = HashMap::new();
    let mut oldest: HashMap<&'static str, f64> = HashMap::new();
    for row in store::summarize(&jobs.db, now).await? {
        // A kind of another release has no label of its own.
        let kind = kinds.iter().copied().find(|kind| **kind == row.kind).unwrap_or("other");
        *counts.entry((kind, row.state)).or_default() += row.count;
        if let Some(since) = row.oldest.filter(|_| row.state == State::Waiting) {
            let age = (now - since).to_std().unwrap_or_default().as_secs_f64();
            let known = oldest.entry(kind).or_default();
            *known = known.max(age);
        }
    }
    for kind in kinds.iter().copied().chain(["other"]) {
        for state in [State::Waiting, State::Running, State::Dead] {
            let count = counts.get(&(kind, state)).copied().unwrap_or_default();
            metrics::gauge!("fenz_jobs", "service" => service, "kind" => kind, "state" => state.as_str())
                .set(count as f64);
        }
        let age = oldest.get(kind).copied().unwrap_or_default();
        metrics::gauge!("fenz_jobs_oldest_due_seconds", "service" => service, "kind" => kind).set(age);
    }
    Ok(())
}
