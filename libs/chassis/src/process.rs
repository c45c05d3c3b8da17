//! The process that one service, or all of them, run in: start and stop.

use std::process::ExitCode;

use fenz_core::Clock;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Launched,
    ops::{self, Readiness},
    server::{self, Observed},
    settings::ServerSettings,
    shared::Shared,
};

/// What services of one process share.
#[derive(Clone)]
pub struct Process {
    pub clock: Clock,
    pub readiness: Readiness,
    /// See [`crate::Platform::draining`]. Ends with `stop`, if not before.
    pub draining: CancellationToken,
    /// See [`crate::Platform::stop`]; servers end with it too.
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    /// What libraries keep once for all services.
    pub shared: Shared,
    failed: CancellationToken,
}

impl Default for Process {
    fn default() -> Self {
        let stop = CancellationToken::new();
        Self {
            clock: Clock::default(),
            readiness: Readiness::default(),
            draining: stop.child_token(),
            stop,
            tasks: TaskTracker::default(),
            shared: Shared::default(),
            failed: CancellationToken::new(),
        }
    }
}

impl Process {
    /// Whether part of the process is missing, so that it will stop.
    pub fn is_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Stops the process with a non-zero code: part of it is missing.
    pub(crate) fn fail(&self) {
        self.failed.cancel();
    }
}

/// First thing in every main: what must be set once in a process.
pub fn prepare() {
    // Two TLS providers are compiled in; rustls requires a choice.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    ops::recorder();
}

/// Serves until SIGTERM, SIGINT or the failure of a background task, then stops
/// in order: readiness red; `pre_drain`, in which balancers notice; open event
/// streams; the servers, in the given order, each until its requests have ended;
/// background work. A second signal ends the process at once.
pub async fn finish(process: &Process, servers: Vec<Launched>, settings: &ServerSettings) -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received");
        return ExitCode::FAILURE;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = process.failed.cancelled() => {}
    }
    tracing::info!("stopping");
    tokio::select! {
        () = stop(process, servers, settings) => {}
        _ = terminate.recv() => tracing::warn!("second signal, ending at once"),
        _ = interrupt.recv() => tracing::warn!("second signal, ending at once"),
    }
    if process.failed.is_cancelled() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn stop(process: &Process, servers: Vec<Launched>, settings: &ServerSettings) {
    process.readiness.drain();
    tokio::time::sleep(settings.pre_drain).await;
    process.draining.cancel();
    for server in servers {
        server.drain().await;
    }
    process.stop.cancel();
    process.tasks.close();
    if tokio::time::timeout(settings.stop_timeout, process.tasks.wait()).await.is_err() {
        tracing::warn!("background tasks did not end within the stop timeout");
    }
}

/// Serves health, readiness and metrics for as long as the process lives.
pub fn serve_ops(process: &Process, listener: TcpListener) {
    let service = Observed::new("ops", ops::routes(process.readiness.clone()));
    // Not stopped with the rest: readiness must be seen red while it drains.
    tokio::spawn(server::serve(listener, service, ServerSettings::default(), CancellationToken::new()));
    tokio::spawn(ops::run_metrics_maintenance());
}
