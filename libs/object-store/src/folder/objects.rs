//! Objects as files. Every method returns when what it did survives a power cut.

use std::{
    io,
    path::{Path, PathBuf},
};

use fenz_core::Random;

use super::files::Files;
use crate::{Error, Part};

/// Has the objects, each under its key. The name is that of the bucket which this was
/// before ADR 017.
const OBJECTS: &str = "fenzvideo";
/// Has files that are not objects yet.
const INCOMING: &str = "incoming";

pub struct Objects<F> {
    files: F,
    random: Random,
    stored: PathBuf,
    pub incoming: PathBuf,
}

impl<F: Files> Objects<F> {
    /// Makes the folders that are missing in `root`, which is there.
    pub fn open(root: &Path, files: F, random: Random) -> Result<Self, Error> {
        let opened = Self { files, random, stored: root.join(OBJECTS), incoming: root.join(INCOMING) };
        opened.make_dir(&opened.stored)?;
        opened.make_dir(&opened.incoming)?;
        Ok(opened)
    }

    /// Whether the folder is there. An unmounted disk has no objects either, and they
    /// are not lost.
    pub fn probe(&self) -> Result<(), Error> {
        if self.files.is_dir(&self.stored) && self.files.is_dir(&self.incoming) {
            return Ok(());
        }
        Err(Error::Unavailable(format!("{} is not there", self.stored.display())))
    }

    /// Where an object is, or is not.
    pub fn path(&self, key: &str) -> Result<PathBuf, Error> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
        if !key.split('/').all(is_name) {
            return Err(Error::Refused(400));
        }
        Ok(self.stored.join(key))
    }

    /// Makes the file that takes an upload's parts.
    pub fn start(&self) -> Result<String, Error> {
        let id = format!("{:032x}", self.random.value::<u128>());
        self.files.create(&self.incoming.join(&id))?;
        Ok(id)
    }

    pub fn put_part(&self, upload_id: &str, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.files.write(&self.incoming_file(upload_id)?, offset, bytes)?)
    }

    /// No byte is copied: the parts are in place already.
    pub fn complete(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<(), Error> {
        let (incoming, object) = (self.incoming_file(upload_id)?, self.path(key)?);
        let length = self.files.length(&incoming)?;
        if length == 0 || length_of(parts) != Some(length) {
            return Err(Error::Refused(400));
        }
        self.publish(&incoming, &object)
    }

    pub fn abort(&self, upload_id: &str) -> Result<(), Error> {
        self.remove(&self.incoming_file(upload_id)?)
    }

    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let object = self.path(key)?;
        let incoming = self.incoming_file(&self.start()?)?;
        let written = self.files.write(&incoming, 0, bytes).map_err(Error::from);
        let outcome = written.and_then(|()| self.publish(&incoming, &object));
        if outcome.is_err() {
            // Best effort: what is left is removed by age.
            self.files.remove(&incoming).ok();
        }
        outcome
    }

    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.remove(&self.path(key)?)
    }

    /// An id that cannot be one of ours is one that is not there: it may be left from
    /// another store.
    fn incoming_file(&self, upload_id: &str) -> Result<PathBuf, Error> {
        let is_ours = upload_id.len() == 32 && upload_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_ours { Ok(self.incoming.join(upload_id)) } else { Err(Error::NotFound) }
    }

    /// Makes a whole file an object: its bytes are on the disk before its name is.
    fn publish(&self, incoming: &Path, object: &Path) -> Result<(), Error> {
        self.files.sync(incoming)?;
        let folder = parent(object);
        let mut missing: Vec<_> = folder.ancestors().take_while(|dir| *dir != self.stored).collect();
        missing.reverse();
        for dir in missing {
            self.make_dir(dir)?;
        }
        self.files.rename(incoming, object)?;
        Ok(self.files.sync_dir(folder)?)
    }

    /// Synced also when the folder is there: another upload may have made it a moment
    /// ago, and its sync may be still to come.
    fn make_dir(&self, dir: &Path) -> Result<(), Error> {
        match self.files.create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        Ok(self.files.sync_dir(parent(dir))?)
    }

    /// Synced also when the file is not there: a process may have ended between the
    /// two calls. The caller forgets the file after this and cannot remove it again.
    fn remove(&self, file: &Path) -> Result<(), Error> {
        match self.files.remove(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        Ok(self.files.sync_dir(parent(file))?)
    }
}

/// How long the object is that parts make which follow each other without a gap.
fn length_of(parts: &[Part]) -> Option<u64> {
    parts.iter().try_fold(0, |end, part| (part.offset == end).then_some(end + part.length))
}

/// Never empty: all paths are absolute.
pub fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
