//! The calls with which a folder is changed, so that a test can cut the power
//! between any two of them.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

/// A file system. Nothing that it did survives a power cut until it is synced: a
/// file's bytes by `sync`, names and their removal by `sync_dir` of their folder.
pub trait Files: Send + Sync + 'static {
    /// Makes an empty file that is not there yet.
    fn create(&self, file: &Path) -> io::Result<()>;
    /// Writes into a file that is there.
    fn write(&self, file: &Path, offset: u64, bytes: &[u8]) -> io::Result<()>;
    fn length(&self, file: &Path) -> io::Result<u64>;
    fn sync(&self, file: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, file: &Path) -> io::Result<()>;
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    fn is_dir(&self, dir: &Path) -> bool;
}

/// The machine's own.
#[derive(Clone, Copy)]
pub struct Disk;

impl Files for Disk {
    fn create(&self, file: &Path) -> io::Result<()> {
        File::create_new(file).map(drop)
    }

    fn write(&self, file: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let file = File::options().write(true).open(file)?;
        file.write_all_at(bytes, offset)?;
        start_writeback(&file, offset, bytes.len() as u64);
        Ok(())
    }

    fn length(&self, file: &Path) -> io::Result<u64> {
        Ok(fs::metadata(file)?.len())
    }

    fn sync(&self, file: &Path) -> io::Result<()> {
        File::open(file)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir.is_dir()
    }
}

/// Lets the disk write these bytes now, while more of the file arrives, so that the
/// sync at its end finds little to do. `DontNeed` starts that for dirty pages and
/// waits for nothing; they stay in memory. Only a hint: the sync tells of errors.
fn start_writeback(file: &File, offset: u64, length: u64) {
    #[cfg(target_os = "linux")]
    if let Some(length) = std::num::NonZeroU64::new(length) {
        rustix::fs::fadvise(file, offset, Some(length), rustix::fs::Advice::DontNeed).ok();
    }
}
