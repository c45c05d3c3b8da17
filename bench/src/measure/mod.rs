//! The measurements.

mod bytes;
mod comparison;
mod events;
mod fan_out;
mod idle;
mod lists;
mod login;
mod notifications;
mod original;
mod read;
mod recommended;
mod search;
mod start;
mod upload;
mod views;
mod warm_up;

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::{platform::Platform, table::Row, video};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Measurement {
    Read,
    Login,
    Upload,
    Bytes,
    Idle,
    Start,
    Events,
    Notifications,
    Recommended,
    Lists,
    Search,
    Original,
    Views,
    WarmUp,
}

impl Measurement {
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Login,
        Self::Upload,
        Self::Bytes,
        Self::Idle,
        Self::Start,
        Self::Events,
        Self::Notifications,
        Self::Recommended,
        Self::Lists,
        Self::Search,
        Self::Original,
        Self::Views,
        Self::WarmUp,
    ];

    pub fn run(self, bench: &Bench) -> Result<Vec<Row>> {
        match self {
            Self::Read => read::measure(bench),
            Self::Login => login::measure(bench),
            Self::Upload => upload::measure(bench),
            Self::Bytes => bytes::measure(bench),
            Self::Idle => idle::measure(bench),
            Self::Start => start::measure(bench),
            Self::Events => events::measure(bench),
            Self::Notifications => notifications::measure(bench),
            Self::Recommended => recommended::measure(bench),
            Self::Lists => lists::measure(bench),
            Self::Search => search::measure(bench),
            Self::Original => original::measure(bench),
            Self::Views => views::measure(bench),
            Self::WarmUp => warm_up::measure(bench),
        }
    }
}

/// Options and files of all measurements.
pub struct Bench {
    pub quick: bool,
    scale: f64,
    binary: PathBuf,
    /// Next to the programs, since the system's temporary folder may be in memory.
    folder: TempDir,
}

impl Bench {
    pub fn new(binary: Option<PathBuf>, quick: bool, scale: f64) -> Result<Self> {
        let programs = env::current_exe()?.parent().context("the folder of this program")?.to_owned();
        let binary = binary.unwrap_or_else(|| programs.join("fenzvideo"));
        ensure!(binary.is_file(), "{} is missing: cargo build --release -p fenz-standalone", binary.display());
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(programs)?;
        video::generate_small(&folder.path().join("small.mp4"))?;
        Ok(Self { quick, scale, binary, folder })
    }

    /// Starts a platform with the data folder of that name, which may have been used
    /// before.
    pub fn platform(&self, name: &str) -> Result<Platform> {
        Platform::start(&self.binary, &self.path(name))
    }

    /// The program of a service, next to the platform's.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let program = self.binary.with_file_name(name);
        ensure!(program.is_file(), "{} is missing: cargo build --release -p {name}", program.display());
        Ok(program)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A valid video of a few kilobytes.
    pub fn small_video(&self) -> PathBuf {
        self.path("small.mp4")
    }

    /// The size of a catalogue after scaling.
    pub fn scaled(&self, videos: i64) -> i64 {
        ((videos as f64 * self.scale) as i64).max(1)
    }

    pub fn rounds(&self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    pub fn round_duration(&self) -> Duration {
        Duration::from_secs(if self.quick { 3 } else { 10 })
    }
}

/// Reports to stderr: stdout gets the table only.
pub fn progress(text: impl std::fmt::Display) {
    eprintln!("fenz-bench: {text}");
}

pub fn path_text(path: &Path) -> Result<&str> {
    path.to_str().context("a path of UTF-8")
}
