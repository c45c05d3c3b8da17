//! Programs that the benchmark starts, each stopped by its own id, and what
//! memory they hold.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
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

/// A program that is gone when this is dropped.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("{} does not start", command.get_program().display()))?))
    }

    /// Starts this program again for one of its subcommands, which prints the
    /// address that it listens on.
    pub fn start_server(arguments: &[&str]) -> Result<(Self, SocketAddr)> {
        let program = std::env::current_exe()?;
        let mut process = Self::start(Command::new(program).args(arguments).stdout(Stdio::piped()))?;
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().context("its output")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{arguments:?} said {line:?}"))?;
        Ok((process, address))
    }

    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// Asks it to end, and waits until it did.
    pub fn stop(mut self) -> Result<()> {
        kill_process(self.pid()?, Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_TIMEOUT {
            if self.has_ended()? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the process {} does not end", self.0.id())
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(self.0.id() as i32).context("a process id")
    }

    /// Resident bytes.
    pub fn memory(&self) -> Result<f64> {
        self.status("VmRSS")
    }

    /// The most resident bytes since the last [`Self::reset_peak`].
    pub fn peak_memory(&self) -> Result<f64> {
        self.status("VmHWM")
    }

    /// See `clear_refs` in proc(5).
    pub fn reset_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5")?)
    }

    fn status(&self, name: &str) -> Result<f64> {
        let text = crate::machine::field(&format!("/proc/{}/status", self.0.id()), name);
        let kib: f64 = text.with_context(|| format!("{name} of the process"))?.trim_end_matches(" kB").parse()?;
        Ok(kib * 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }
}
