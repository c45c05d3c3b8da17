//! The process that one service, or all of them, run in: start and stop.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fenz_core::{Clock, Random};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Launched,
    local::LocalServices,
    ops::{self, Readiness},
    server::{self, AddressLimit, Observed},
    settings::ServerSettings,
    shared::Shared,
};

/// What services of one process share.
#[derive(Clone)]
pub struct Process {
    pub clock: Clock,
    pub random: Random,
    pub readiness: Readiness,
    /// See [`crate::Platform::draining`]. Ends with `stop`, if not before.
    pub draining: CancellationToken,
    /// See [`crate::Platform::stop`]; servers end with it too.
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    /// What libraries keep once for all services.
    pub shared: Shared,
    /// The services that run in this process and are called in memory.
    pub local: LocalServices,
    running: Running,
    failed: CancellationToken,
}

/// The names of the tasks that have not ended.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<Vec<String>>>);

impl Running {
    fn names(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the name when the task ends, however it ends.
struct RunningTask {
    running: Running,
    name: String,
}

impl Drop for RunningTask {
    fn drop(&mut self) {
        let mut names = self.running.names();
        if let Some(position) = names.iter().position(|name| *name == self.name) {
            names.swap_remove(position);
        }
    }
}

impl Default for Process {
    fn default() -> Self {
        let stop = CancellationToken::new();
        Self {
            clock: Clock::default(),
            random: Random::default(),
            readiness: Readiness::default(),
            draining: stop.child_token(),
            stop,
            tasks: TaskTracker::default(),
            shared: Shared::default(),
            local: LocalServices::default(),
            running: Running::default(),
            failed: CancellationToken::new(),
        }
    }
}

impl Process {
    /// Whether part of the process is missing, so that it will stop.
    pub fn is_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Runs a task that the end of the process waits for. The log names it when it
    /// does not end in time.
    pub fn spawn<F>(&self, name: impl Into<String>, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (name, running) = (name.into(), self.running.clone());
        running.names().push(name.clone());
        let entry = RunningTask { running, name };
        self.tasks.spawn(async move {
            let _until_it_ends = entry;
            task.await
        })
    }

    /// Stops the process with a non-zero code: part of it is missing.
    pub(crate) fn fail(&self) {
        self.failed.cancel();
    }
}

/// Open files beside connections of clients: databases, peers, the store, logs.
const OTHER_FILES: u64 = 256;

/// First thing in every main: what must be set once in a process.
pub fn prepare() {
    rustls::crypto::ring::default_provider().install_default().ok();
    ops::recorder();
    raise_file_limit();
}

/// Each connection is an open file, and the usual limit of 1024 is only a default.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where even that is forbidden, the start tells how many there are.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

/// Says which settings need more open files than the process may have.
pub(crate) fn check_file_limit(service: &str, settings: &ServerSettings) {
    let needed = settings.max_connections as u64 + OTHER_FILES;
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < needed) {
        tracing::warn!(
            service,
            limit,
            needed,
            "the limit of open files is too low for FENZ_SERVER__MAX_CONNECTIONS: raise it or lower the setting"
        );
    }
}

/// Serves until SIGTERM, SIGINT or the failure of a background task, then stops
/// in order: readiness red; `pre_drain`, in which balancers notice; open event
/// streams; the servers, in the given order, each until its requests have ended;
/// background work. A second signal ends the process at once, with a non-zero code.
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
    let second = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        () = stop(process, servers, settings) => {}
        () = second => {
            tracing::warn!("second signal, ending at once");
            process.fail();
        }
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
        let tasks = process.running.names().join(", ");
        tracing::error!(tasks, "background tasks did not end within the stop timeout");
        process.fail();
    }
}

/// Serves health, readiness and metrics for as long as the process lives.
pub fn serve_ops(process: &Process, listener: TcpListener) {
    let service = Observed::new("ops", ops::routes(process.readiness.clone()), process.random.clone());
    // Not stopped with the rest: readiness must be seen red while it drains.
    tokio::spawn(server::serve(
        listener,
        service,
        ServerSettings::default(),
        AddressLimit::default(),
        CancellationToken::new(),
    ));
    tokio::spawn(ops::run_metrics_maintenance());
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::*;

    #[tokio::test]
    async fn a_task_that_does_not_end_is_named_and_fails_the_stop() {
        let process = Process::default();
        let token = process.stop.clone();
        process.spawn("test.ends", async move { token.cancelled().await });
        process.spawn("test.stuck", pending::<()>());
        let stop_timeout = Duration::from_millis(200);
        let settings = ServerSettings { pre_drain: Duration::ZERO, stop_timeout, ..ServerSettings::default() };
        stop(&process, Vec::new(), &settings).await;
        assert!(process.is_failed());
        assert_eq!(*process.running.names(), ["test.stuck"]);
    }
}
