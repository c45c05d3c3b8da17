//! Programs that the benchmark starts, each stopped by its own id, and what
//! memory they hold.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};

/// The platform promises 10 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
pub const MIB: f64 = 1024.0 * 1024.0;

/// As many open files as this user may have, here and in what is started:
/// thousands of streams need them.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, a measurement says what it lacks.
    setrlimit(Resource::Nofile, limit).ok();
}

/// What was started and has not been let go of. A signal ends it all.
static STARTED: Mutex<Started> = Mutex::new(Started { is_over: false, children: Vec::new() });

struct Started {
    /// Nothing may be started any more.
    is_over: bool,
    children: Vec<Arc<Mutex<Child>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all programs, and lets no other be started.
pub fn end_all() {
    let children = {
        let mut started = lock(&STARTED);
        started.is_over = true;
        started.children.clone()
    };
    let running = |child: &&Arc<Mutex<Child>>| matches!(lock(child).try_wait(), Ok(None));
    for child in children.iter().filter(running) {
        terminate(&lock(child)).ok();
    }
    let begun = Instant::now();
    while children.iter().any(|child| running(&child)) && begun.elapsed() < STOP_TIMEOUT {
        thread::sleep(Duration::from_millis(5));
    }
    for child in children.iter().filter(running) {
        lock(child).kill().ok();
    }
}

/// False once a signal has come.
pub fn may_start() -> bool {
    !lock(&STARTED).is_over
}

/// The child was not waited for: its id is nobody else's.
fn terminate(child: &Child) -> Result<()> {
    let id = Pid::from_raw(child.id() as i32).context("a process id")?;
    Ok(kill_process(id, Signal::TERM)?)
}

/// A program that is gone when this is dropped.
pub struct Process {
    child: Arc<Mutex<Child>>,
    id: u32,
}

impl Process {
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut started = lock(&STARTED);
        ensure!(!started.is_over, "stopping");
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{} does not start", command.get_program().display()))?;
        let id = child.id();
        let child = Arc::new(Mutex::new(child));
        started.children.push(child.clone());
        Ok(Self { child, id })
    }

    /// Starts this program again for one of its subcommands, which prints the
    /// address that it listens on.
    pub fn start_server(arguments: &[&str]) -> Result<(Self, SocketAddr)> {
        let program = std::env::current_exe()?;
        let process = Self::start(Command::new(program).args(arguments).stdout(Stdio::piped()))?;
        let mut line = String::new();
        let output = lock(&process.child).stdout.take();
        BufReader::new(output.context("its output")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{arguments:?} said {line:?}"))?;
        Ok((process, address))
    }

    /// Runs a program to its end; what it printed.
    pub fn output(command: &mut Command) -> Result<String> {
        let process = Self::start(command.stdout(Stdio::piped()))?;
        let output = lock(&process.child).stdout.take();
        let mut text = String::new();
        output.context("its output")?.read_to_string(&mut text)?;
        let status = process.ended()?;
        ensure!(status.success(), "{} failed: {text}", command.get_program().display());
        Ok(text)
    }

    pub fn has_ended(&self) -> Result<bool> {
        Ok(lock(&self.child).try_wait()?.is_some())
    }

    /// Waits until it ends by itself.
    pub fn ended(self) -> Result<ExitStatus> {
        loop {
            // Not held while waiting: a signal wants to end it.
            if let Some(status) = lock(&self.child).try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end, and waits until it did.
    pub fn stop(self) -> Result<()> {
        {
            let mut child = lock(&self.child);
            if child.try_wait()?.is_none() {
                terminate(&child)?;
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_TIMEOUT {
            if self.has_ended()? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the process {} does not end", self.id)
    }

    /// Resident bytes.
    pub fn memory(&self) -> Result<f64> {
        self.status("VmRSS")
    }

    /// Those of them that belong to no file.
    pub fn own_memory(&self) -> Result<f64> {
        self.status("RssAnon")
    }

    /// The most resident bytes since the last [`Self::reset_peak`].
    pub fn peak_memory(&self) -> Result<f64> {
        self.status("VmHWM")
    }

    /// See `clear_refs` in proc(5).
    pub fn reset_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.id), "5")?)
    }

    fn status(&self, name: &str) -> Result<f64> {
        let text = crate::machine::field(&format!("/proc/{}/status", self.id), name);
        let kib: f64 = text.with_context(|| format!("{name} of the process"))?.trim_end_matches(" kB").parse()?;
        Ok(kib * 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        lock(&STARTED).children.retain(|child| !Arc::ptr_eq(child, &self.child));
        let mut child = lock(&self.child);
        if matches!(child.try_wait(), Ok(None)) {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
