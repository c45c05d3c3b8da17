//! Processes that the benchmark starts, their memory and processor time.

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

use crate::machine;

/// The platform stops within 10 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
pub const MIB: f64 = 1024.0 * 1024.0;
/// `USER_HZ`, the unit of times in `/proc/<process>/stat`: a constant of Linux's ABI.
const TICKS_PER_SECOND: f64 = 100.0;

/// Raises the limit of open files, also for child processes: thousands of streams
/// need them.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If that fails, the measurement of streams reports an error.
    setrlimit(Resource::Nofile, limit).ok();
}

/// All running child processes, to be terminated by a signal.
static STARTED: Mutex<Started> = Mutex::new(Started { is_stopping: false, children: Vec::new() });

struct Started {
    is_stopping: bool,
    children: Vec<Arc<Mutex<Child>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Terminates all child processes and prevents further starts.
pub fn terminate_all() {
    let children = {
        let mut started = lock(&STARTED);
        started.is_stopping = true;
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

/// False after a signal.
pub fn may_start() -> bool {
    !lock(&STARTED).is_stopping
}

/// The child was not waited for: its process id is not reused.
fn terminate(child: &Child) -> Result<()> {
    let id = Pid::from_raw(child.id() as i32).context("a process id")?;
    Ok(kill_process(id, Signal::TERM)?)
}

/// Killed on drop.
pub struct Process {
    child: Arc<Mutex<Child>>,
    id: u32,
}

impl Process {
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut started = lock(&STARTED);
        ensure!(!started.is_stopping, "stopping");
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{} does not start", command.get_program().display()))?;
        let id = child.id();
        let child = Arc::new(Mutex::new(child));
        started.children.push(child.clone());
        Ok(Self { child, id })
    }

    /// Starts a subcommand of this program that prints its listen address.
    pub fn start_server(arguments: &[&str]) -> Result<(Self, SocketAddr)> {
        let program = std::env::current_exe()?;
        let process = Self::start(Command::new(program).args(arguments).stdout(Stdio::piped()))?;
        let mut line = String::new();
        let output = lock(&process.child).stdout.take();
        BufReader::new(output.context("its output")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{arguments:?} printed {line:?}"))?;
        Ok((process, address))
    }

    /// Runs a program and returns its output.
    pub fn output(command: &mut Command) -> Result<String> {
        let process = Self::start(command.stdout(Stdio::piped()))?;
        let output = lock(&process.child).stdout.take();
        let mut text = String::new();
        output.context("its output")?.read_to_string(&mut text)?;
        let status = process.wait()?;
        ensure!(status.success(), "{} failed: {text}", command.get_program().display());
        Ok(text)
    }

    pub fn has_exited(&self) -> Result<bool> {
        Ok(lock(&self.child).try_wait()?.is_some())
    }

    /// Waits until it exits.
    pub fn wait(self) -> Result<ExitStatus> {
        loop {
            // The lock is not held while waiting: the signal handler needs it.
            if let Some(status) = lock(&self.child).try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Terminates it, and waits until it exits.
    pub fn stop(self) -> Result<()> {
        {
            let mut child = lock(&self.child);
            if child.try_wait()?.is_none() {
                terminate(&child)?;
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_TIMEOUT {
            if self.has_exited()? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the process {} does not exit", self.id)
    }

    /// Resident bytes.
    pub fn memory(&self) -> Result<f64> {
        self.status("VmRSS")
    }

    /// Resident bytes without mapped files.
    pub fn own_memory(&self) -> Result<f64> {
        self.status("RssAnon")
    }

    /// Maximum of resident bytes since the last [`Self::reset_peak`].
    pub fn peak_memory(&self) -> Result<f64> {
        self.status("VmHWM")
    }

    /// See `clear_refs` in proc(5).
    pub fn reset_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.id), "5")?)
    }

    /// Seconds of processor time in user and kernel mode since its start, including
    /// running children of its main thread, such as the workers of nginx.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.id))?;
        let mut ticks = cpu_ticks(&self.id.to_string())?;
        for child in children.split_whitespace() {
            ticks += cpu_ticks(child)?;
        }
        Ok(ticks / TICKS_PER_SECOND)
    }

    fn status(&self, name: &str) -> Result<f64> {
        memory(&self.id.to_string(), name)
    }
}

/// Bytes of a field of `/proc/<process>/status`.
pub fn memory(process: &str, field: &str) -> Result<f64> {
    let text = machine::field(&format!("/proc/{process}/status"), field);
    let kib: f64 = text.with_context(|| format!("{field} of the process"))?.trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0)
}

fn cpu_ticks(process: &str) -> Result<f64> {
    parse_cpu_ticks(&fs::read_to_string(format!("/proc/{process}/stat"))?)
}

/// The sum of `utime` and `stime`, fields 14 and 15 of proc(5). The second field, a
/// name in parentheses, may contain spaces.
fn parse_cpu_ticks(stat: &str) -> Result<f64> {
    let (_, fields) = stat.rsplit_once(')').context("a name in parentheses")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (times.next().context("utime")??, times.next().context("stime")??);
    Ok(user + system)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_after_a_name_with_spaces() {
        let stat = "71 (a (b) c) S 1 71 71 0 -1 4194560 9 0 0 0 123 45 6 7 20 0 1 0 100 200 300";
        assert!((parse_cpu_ticks(stat).unwrap() - 168.0).abs() < 1e-9);
    }
}
