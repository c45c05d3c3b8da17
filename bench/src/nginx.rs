//! The reference of playback: nginx with files from disk.

use std::{
    env, fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    http::Client,
    measure::{Bench, path_text, progress},
    process::Process,
};

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Stopped on drop, since its workers would survive a killed main process.
pub struct Nginx {
    process: Option<Process>,
    pub address: SocketAddr,
}

/// The path of a file that nginx reads and writes, its default.
pub fn copied(file: &str) -> String {
    format!("/copied/{file}")
}

/// The path of a file that the kernel sends from its cache.
pub fn sent(file: &str) -> String {
    format!("/sent/{file}")
}

impl Nginx {
    /// Serves the files of the benchmark's folder.
    pub fn start(bench: &Bench) -> Result<Self> {
        let (folder, address) = (bench.path("nginx"), fenz_testkit::free_address());
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("nginx.conf"), configuration(address, &bench.path(""))?)?;
        let mut command = Command::new("nginx");
        // Debian keeps it where the PATH of ordinary users does not lead.
        let path = env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin";
        command.env("PATH", path).args(["-e", "error.log", "-c", "nginx.conf", "-p"]).arg(&folder);
        let process = Process::start(&mut command).context("nginx is needed: scripts/install-tools nginx")?;
        let nginx = Self { process: Some(process), address };
        let begun = Instant::now();
        while Client::connect(address).is_err() {
            if nginx.process()?.has_exited()? || begun.elapsed() > START_TIMEOUT {
                bail!("nginx does not start: {}", fs::read_to_string(folder.join("error.log")).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }

    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("nginx is stopped")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.process.take().map(Process::stop) {
            progress(format_args!("nginx did not stop: {error}"));
        }
    }
}

/// One worker per core; paths are relative to its folder, so that it runs as
/// anybody.
fn configuration(address: SocketAddr, files: &Path) -> Result<String> {
    let files = path_text(files)?;
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {name};\n"))
        .concat();
    Ok(format!(
        "daemon off;
user root;
pid nginx.pid;
worker_processes auto;
events {{}}
http {{
    access_log off;
    keepalive_requests 1000000000;
{temporary}
    server {{
        listen {address};
        location /copied/ {{ alias {files}/; sendfile off; }}
        location /sent/ {{ alias {files}/; sendfile on; tcp_nopush on; }}
    }}
}}
"
    ))
}
