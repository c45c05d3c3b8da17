//! Halts a consumer when different events fail in a row: then the release is at
//! fault, or something that it needs, and not the events.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{backoff::Backoff, failures::TRIES};

/// Different events that fail with no success in between.
const THRESHOLD: usize = 3;
/// Between two probes of a halted consumer, from the first to the longest.
const PROBE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub struct CircuitBreaker {
    service: &'static str,
    /// How often each event failed since the last success.
    failures: Mutex<BTreeMap<String, i32>>,
    halted: watch::Sender<bool>,
}

impl CircuitBreaker {
    pub fn new(service: &'static str) -> Self {
        let breaker = Self { service, failures: Mutex::default(), halted: watch::Sender::new(false) };
        breaker.set_gauge();
        breaker
    }

    pub fn is_halted(&self) -> bool {
        *self.halted.borrow()
    }

    /// Waits until the consumer is halted, or is not.
    pub async fn until(&self, halted: bool) {
        // The sender lives as long as `self`.
        self.halted.subscribe().wait_for(|now| *now == halted).await.ok();
    }

    /// Sleeps until the next probe, or until the consumer has resumed.
    pub async fn wait_for_probe(&self, backoff: &mut Backoff, stop: &CancellationToken) {
        tokio::select! {
            () = self.until(false) => {}
            () = backoff.sleep(stop) => {}
        }
    }

    pub fn probe_backoff() -> Backoff {
        Backoff::new(PROBE.0, PROBE.1)
    }

    /// A handler has applied an event: a halted consumer resumes.
    pub fn record_success(&self) {
        let mut failures = self.failures();
        failures.clear();
        if self.halted.send_if_modified(std::mem::take) {
            self.set_gauge();
            tracing::info!(service = self.service, "the consumer resumes");
        }
    }

    /// An event failed although the dependencies answer. None when that is its
    /// own fault; else the consumer is halted, and these events were given up
    /// since the last success: too early.
    pub fn record_failure(&self, event_id: &str, reason: &str) -> Option<Vec<String>> {
        let mut failures = self.failures();
        if !self.is_halted() {
            *failures.entry(event_id.to_owned()).or_default() += 1;
            if failures.len() < THRESHOLD {
                return None;
            }
            self.halted.send_replace(true);
            self.set_gauge();
            let events = failures.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            tracing::error!(service = self.service, events, reason, "the consumer is halted: all events fail");
        }
        Some(failures.iter().filter(|(_, count)| **count >= TRIES).map(|(id, _)| id.clone()).collect())
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<String, i32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_gauge(&self) {
        let value = f64::from(u8::from(self.is_halted()));
        metrics::gauge!("fenz_events_consumer_halted", "service" => self.service).set(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_different_events_in_a_row_halt_and_a_success_resumes() {
        let breaker = CircuitBreaker::new("test");
        for id in ["a", "b", "a", "b"] {
            assert_eq!(breaker.record_failure(id, ""), None);
        }
        breaker.record_success();
        for id in ["b", "c"] {
            assert_eq!(breaker.record_failure(id, ""), None);
        }
        assert_eq!(breaker.record_failure("a", ""), Some(vec![]));
        assert!(breaker.is_halted());
        assert_eq!(breaker.record_failure("d", ""), Some(vec![]));
        breaker.record_success();
        assert!(!breaker.is_halted());
        assert_eq!(breaker.record_failure("d", ""), None);
    }

    #[test]
    fn events_given_up_since_the_last_success_are_known() {
        let breaker = CircuitBreaker::new("test");
        for _ in 0..TRIES {
            assert_eq!(breaker.record_failure("early", ""), None);
        }
        assert_eq!(breaker.record_failure("later", ""), None);
        assert_eq!(breaker.record_failure("last", ""), Some(vec!["early".to_owned()]));
    }
}
