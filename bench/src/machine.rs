//! The machine that is measured on.

use std::{fs, io, path::Path, process::Command, thread};

use fenz_core::Clock;

/// Items of a markdown list.
pub fn facts() -> Vec<String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory_kib: f64 = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse().ok())
        .unwrap_or_default();
    vec![
        format!(
            "Machine: {}, {} cores, {:.1} GiB of memory, Linux {}",
            field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into()),
            cores(),
            memory_kib / 1024.0 / 1024.0,
            kernel.trim()
        ),
        format!("Compiler: {}", output("rustc", &["--version"])),
        format!("Revision: {}", output("git", &["describe", "--always", "--dirty"])),
        format!("Date: {}", Clock::default().now().format("%Y-%m-%d")),
    ]
}

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}

/// The value of the first `name : value` line of a file in /proc.
pub fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// The size of all files in a folder and its subfolders.
pub fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
