//! The data folder: databases, objects, keys, and a lock so that one process
//! has it.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::Mode;

/// The folder, which is there and may be written.
pub struct Folder(PathBuf);

impl Folder {
    pub fn open(path: &Path) -> Result<Self> {
        // Password hashes, keys and drafts are nobody else's business: files are made for
        // their owner alone, and the folder is closed also where somebody else made it.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        fs::create_dir_all(path)?;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                .context("others may read it, and that cannot be changed")?;
            eprintln!("fenzvideo: others could read the data folder {}; now only its owner can", path.display());
        }
        Ok(Self(path.canonicalize()?))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Holds the folder for this process until the file is dropped.
    pub fn lock(&self) -> Result<File> {
        let path = self.0.join("fenzvideo.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!(
                "another fenzvideo runs on the data folder {}; give this one its own with FENZ_DATA_DIR",
                self.0.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).context("the lock file"),
        }
    }

    /// A file's text; none when it is not there.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        let mut text = String::new();
        match File::open(self.0.join(name)) {
            Ok(mut file) => file.read_to_string(&mut text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(text))
    }

    /// Writes a file that its owner alone may read: all of it or nothing.
    pub fn write_secret(&self, name: &str, text: &str) -> Result<()> {
        let (path, draft) = (self.0.join(name), self.0.join(format!("{name}.draft")));
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        Ok(())
    }
}
