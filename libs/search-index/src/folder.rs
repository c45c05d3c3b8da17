//! The folder of an index, and its lock.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    schema::VERSION,
};

const LOCK: &str = "lock";
const VERSION_FILE: &str = "version";
const SEGMENTS: &str = "segments";
const VIEWS: &str = "views";

/// Locked against other processes until dropped.
pub struct Folder {
    pub path: PathBuf,
    _lock: File,
}

impl Folder {
    pub fn lock(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The folder of tantivy's files.
    pub fn segments(&self) -> PathBuf {
        self.path.join(SEGMENTS)
    }

    /// The schema version of a complete index; none if there is no index, or an
    /// incomplete one.
    pub fn version(&self) -> Result<Option<String>> {
        match fs::read(self.path.join(VERSION_FILE)) {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Marks the index as complete.
    pub fn set_version(&self) -> Result<()> {
        let new = self.path.join("version.new");
        let mut file = File::create(&new)?;
        writeln!(file, "{VERSION}")?;
        file.sync_all()?;
        fs::rename(new, self.path.join(VERSION_FILE))?;
        Ok(())
    }

    /// Removes the files of the index and no others. The version is removed first,
    /// so that a crash leaves an incomplete index.
    pub fn clear(&self) -> Result<()> {
        ignore_missing(fs::remove_file(self.path.join(VERSION_FILE)))?;
        ignore_missing(fs::remove_file(self.path.join(VIEWS)))?;
        ignore_missing(fs::remove_dir_all(self.segments()))?;
        fs::create_dir_all(self.segments())?;
        Ok(())
    }
}

fn ignore_missing(outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes the index of a folder.
///
/// # Errors
/// [`Error::InUse`] if a process has it open.
pub fn remove(path: &Path) -> Result<()> {
    Folder::lock(path)?.clear()
}
