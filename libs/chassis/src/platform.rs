//! What every service is built on, whatever it requires besides.

use std::time::Duration;

use anyhow::{Context, Result};
use fenz_core::{Clock, IdGenerator, Random};
use tokio_util::sync::CancellationToken;

use crate::{
    Process, Settings,
    identity::{Authorizer, Ed25519Key, ServiceIdentity, TrustedServices, Verifier},
    ops::Readiness,
    peers::Peers,
    shared::Shared,
};

/// What the launcher gives to a service. It does not tell whether the service
/// runs alone or among others.
#[derive(Clone)]
pub struct Platform {
    pub service: &'static str,
    pub settings: Settings,
    pub clock: Clock,
    pub random: Random,
    pub ids: IdGenerator,
    pub peers: Peers,
    pub authorizer: Authorizer,
    pub readiness: Readiness,
    /// Cancelled when responses without an end of their own have to end:
    /// before open requests are waited for.
    pub draining: CancellationToken,
    /// Cancelled when background work has to end: after the last request.
    pub stop: CancellationToken,
    pub shared: Shared,
    process: Process,
}

impl Platform {
    pub(crate) fn new(service: &'static str, settings: Settings, process: &Process) -> Result<Self> {
        let clock = process.clock.clone();
        let key = &settings.internal.key;
        let identity = (!key.is_empty())
            .then(|| Ed25519Key::from_base64(key.expose()).context("FENZ_INTERNAL__KEY"))
            .transpose()?
            .map(|key| ServiceIdentity::new(service, &key, clock.clone()));
        let peers = Peers::new(settings.peers.clone(), process.local.clone(), identity);
        let authorizer = Authorizer {
            verifier: Verifier::new(&settings.identity, clock.clone()),
            services: TrustedServices::new(&settings.internal.trusted, clock.clone())?,
        };
        Ok(Self {
            service,
            settings,
            ids: IdGenerator::new(clock.clone(), process.random.clone()),
            clock,
            random: process.random.clone(),
            peers,
            authorizer,
            readiness: process.readiness.clone(),
            draining: process.draining.clone(),
            stop: process.stop.clone(),
            shared: process.shared.clone(),
            process: process.clone(),
        })
    }

    /// Runs a task in the background until it ends with `stop`. One that ends
    /// before, or panics, stops the process: nobody would notice otherwise.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = Result<()>> + Send + 'static) {
        let (service, process) = (self.service, self.process.clone());
        self.process.spawn(format!("{service}.{name}"), async move {
            let outcome = tokio::spawn(task).await;
            if process.stop.is_cancelled() {
                return;
            }
            let problem = match outcome {
                Ok(Ok(())) => "ended".to_owned(),
                Ok(Err(error)) => format!("{error:#}"),
                Err(panic) => panic.to_string(),
            };
            tracing::error!(service, task = name, error = problem, "background task failed, stopping");
            process.fail();
        });
    }

    /// Runs a job at an interval until the end. A failure is logged, and tried
    /// again at the next tick.
    pub fn every<F>(&self, name: &'static str, interval: Duration, job: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send,
    {
        let (service, stop) = (self.service, self.stop.clone());
        self.spawn(name, async move {
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    _ = ticks.tick() => {}
                }
                if let Err(error) = job().await {
                    tracing::warn!(service, task = name, error = format!("{error:#}"), "background job failed");
                }
            }
        });
    }
}
