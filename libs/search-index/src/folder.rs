//! The folder of an index.

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

/// A folder that nobody else uses until this is dropped.
pub struct Folder {
    pub path: PathBuf,
    _lock: File,
}

impl Folder {
    pub fn occupy(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Where tantivy's files are.
    pub fn segments(&self) -> PathBuf {
        self.path.join(SEGMENTS)
    }

    /// The schema's version of a whole index; none when there is no index, or
    /// only the beginning of one.
    pub fn version(&self) -> Result<Option<String>> {
        match fs::read(self.path.join(VERSION_FILE)) {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Says that the index is whole.
    pub fn set_version(&self) -> Result<()> {
        let fresh = self.path.join("version.new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{VERSION}")?;
        file.sync_all()?;
        fs::rename(fresh, self.path.join(VERSION_FILE))?;
        Ok(())
    }

    /// Removes what an index put there, and nothing else. The version goes
    /// first: what is left after a crash is no index.
    pub fn clear(&self) -> Result<()> {
        gone(fs::remove_file(self.path.join(VERSION_FILE)))?;
        gone(fs::remove_file(self.path.join(VIEWS)))?;
        gone(fs::remove_dir_all(self.segments()))?;
        fs::create_dir_all(self.segments())?;
        Ok(())
    }
}

fn gone(outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes the index of a folder that nobody uses: it is built anew.
///
/// # Errors
/// [`Error::InUse`].
pub fn remove(path: &Path) -> Result<()> {
    Folder::occupy(path)?.clear()
}
