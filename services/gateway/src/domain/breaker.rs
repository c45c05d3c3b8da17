//! Circuit breaker: stops sending requests to a failing upstream and probes it
//! until it recovers.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::config::BreakerConfig;

/// The circuit breaker of one upstream.
pub struct Breaker {
    name: &'static str,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    pub fn new(name: &'static str, config: BreakerConfig) -> Self {
        Self { name, circuit: Mutex::new(Circuit::new(config)) }
    }

    /// A permit for one request, or how long to wait while the circuit is open.
    pub fn admit(&self) -> Result<Permit<'_>, Duration> {
        let is_probe = self.circuit().admit(Instant::now())?;
        Ok(Permit { breaker: self, is_probe, reported: false })
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Permission to send one request; reports its outcome to the breaker.
pub struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    reported: bool,
}

impl Permit<'_> {
    /// The upstream responded, whatever the status.
    pub fn succeeded(mut self) {
        self.reported = true;
        if self.is_probe {
            self.breaker.circuit().close();
            metrics::gauge!("fenz_gateway_breaker_open", "upstream" => self.breaker.name).set(0.0);
            tracing::info!(upstream = self.breaker.name, "circuit closed");
        }
    }

    /// The connection failed or the response timed out.
    pub fn failed(mut self) {
        self.reported = true;
        if self.breaker.circuit().failed(Instant::now(), self.is_probe) {
            metrics::gauge!("fenz_gateway_breaker_open", "upstream" => self.breaker.name).set(1.0);
            tracing::warn!(upstream = self.breaker.name, "circuit opened after repeated failures");
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.reported {
            self.breaker.circuit().abandoned(Instant::now());
        }
    }
}

/// The breaker's state machine; the caller supplies the time.
struct Circuit {
    config: BreakerConfig,
    state: State,
}

enum State {
    Closed {
        failures: VecDeque<Instant>,
    },
    Open {
        until: Instant,
        wait: Duration,
    },
    /// One probe is in flight.
    HalfOpen {
        since: Instant,
        wait: Duration,
    },
}

impl Circuit {
    fn new(config: BreakerConfig) -> Self {
        Self { config, state: State::Closed { failures: VecDeque::new() } }
    }

    /// Whether the admitted request is a probe, or how long to wait.
    fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        let wait = match &self.state {
            State::Closed { .. } => return Ok(false),
            State::Open { until, .. } if now < *until => return Err(*until - now),
            // A probe that hangs must not delay the next one for long.
            State::HalfOpen { since, .. } if now < *since + self.config.longest_probe => {
                return Err(*since + self.config.longest_probe - now);
            }
            State::Open { wait, .. } | State::HalfOpen { wait, .. } => *wait,
        };
        self.state = State::HalfOpen { since: now, wait };
        Ok(true)
    }

    fn close(&mut self) {
        self.state = State::Closed { failures: VecDeque::new() };
    }

    /// Counts a failure; returns whether it opened a closed circuit.
    fn failed(&mut self, now: Instant, was_probe: bool) -> bool {
        let (opens, wait) = match &mut self.state {
            State::Closed { failures } => {
                while failures.front().is_some_and(|at| *at + self.config.window <= now) {
                    failures.pop_front();
                }
                failures.push_back(now);
                if failures.len() < self.config.failures {
                    return false;
                }
                (true, self.config.first_probe)
            }
            State::HalfOpen { wait, .. } if was_probe => (false, (*wait * 2).min(self.config.longest_probe)),
            // Sent before the circuit opened.
            State::Open { .. } | State::HalfOpen { .. } => return false,
        };
        self.state = State::Open { until: now + wait, wait };
        opens
    }

    /// A probe without an outcome: the next request may probe at once.
    fn abandoned(&mut self, now: Instant) {
        if let State::HalfOpen { wait, .. } = self.state {
            self.state = State::Open { until: now, wait };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// A circuit that five failures have opened just now.
    fn opened() -> (Circuit, Instant) {
        let (mut circuit, now) = (Circuit::new(BreakerConfig::default()), Instant::now());
        let opens: Vec<_> = (0..5).map(|_| circuit.failed(now, false)).collect();
        assert_eq!(opens, [false, false, false, false, true]);
        (circuit, now)
    }

    #[test]
    fn opens_at_the_fifth_failure_within_the_window() {
        let (mut circuit, now) = (Circuit::new(BreakerConfig::default()), Instant::now());
        for at in [0, 1, 2, 3, 31, 32, 32] {
            assert!(!circuit.failed(now + secs(at), false), "{at}");
            assert_eq!(circuit.admit(now + secs(at)), Ok(false));
        }
        assert!(circuit.failed(now + secs(32), false));
        assert_eq!(circuit.admit(now + secs(32)), Err(secs(1)));
    }

    #[test]
    fn probes_after_one_second_doubling_to_five() {
        let (mut circuit, mut now) = opened();
        for wait in [1, 2, 4, 5, 5] {
            assert_eq!(circuit.admit(now), Err(secs(wait)));
            now += secs(wait);
            assert_eq!(circuit.admit(now), Ok(true));
            circuit.failed(now, true);
        }
        now += secs(5);
        assert_eq!(circuit.admit(now), Ok(true));
        circuit.close();
        assert!(!circuit.failed(now, false));
        assert_eq!(circuit.admit(now), Ok(false));
    }

    #[test]
    fn one_probe_at_a_time_and_a_hanging_one_is_replaced() {
        let (mut circuit, now) = opened();
        assert_eq!(circuit.admit(now + secs(1)), Ok(true));
        assert_eq!(circuit.admit(now + secs(1)), Err(secs(5)));
        circuit.abandoned(now + secs(2));
        assert_eq!(circuit.admit(now + secs(2)), Ok(true));
        assert_eq!(circuit.admit(now + secs(7)), Ok(true));
    }

    #[test]
    fn requests_sent_before_the_circuit_opened_do_not_change_it() {
        let (mut circuit, now) = opened();
        assert!(!circuit.failed(now + Duration::from_millis(500), false));
        assert_eq!(circuit.admit(now + Duration::from_millis(500)), Err(Duration::from_millis(500)));
    }
}
