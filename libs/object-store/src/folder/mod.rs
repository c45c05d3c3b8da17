//! A folder of the machine. It is for one machine: several processes may share it,
//! several machines over a network file system may not, since those sync and rename
//! by rules of their own.
//!
//! An object is the file `fenzvideo/<key>`. What is not whole yet is in `incoming/`,
//! one file for each upload: a part is written where it belongs, completing syncs
//! the file and renames it. Content types are not kept: whoever stores an object
//! knows its type.

mod cleaning;
mod files;
mod objects;
#[cfg(test)]
mod power_cut;

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use fenz_core::Random;
use futures::{StreamExt, stream};
use rustix::buffer::spare_capacity;

use self::{
    files::{Disk, Files},
    objects::{Objects, parent},
};
use crate::{ByteStream, Error, Part, Store};

/// How much of an object is read at a time: enough that changing threads costs
/// little, and little enough for thousands of streams.
const PIECE: u64 = 256 << 10;

pub struct Folder(Arc<Objects<Disk>>);

impl Folder {
    /// Opens a folder, and makes it when only it is missing: a path that is mistyped
    /// or not mounted is an error.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let unusable = |error: &dyn std::fmt::Display| {
            Error::Settings(format!("the folder {} cannot be used: {error}", root.display()))
        };
        let made = match fs::create_dir(root) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(unusable(&error)),
        };
        let root = root.canonicalize().map_err(|e| unusable(&e))?;
        if made {
            Disk.sync_dir(parent(&root)).map_err(|e| unusable(&e))?;
        }
        let objects = Objects::open(&root, Disk, Random::default()).map_err(|e| unusable(&e))?;
        cleaning::start(root, objects.incoming.clone());
        Ok(Self(Arc::new(objects)))
    }

    /// Calls the file system, which may wait for a disk.
    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Objects<Disk>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let objects = self.0.clone();
        blocking(move || match call(&objects) {
            Err(Error::NotFound) => objects.probe().and(Err(Error::NotFound)),
            other => other,
        })
        .await
    }
}

#[async_trait]
impl Store for Folder {
    async fn start_multipart(&self, _: &str, _: &str) -> Result<String, Error> {
        self.run(Objects::start).await
    }

    async fn put_part(&self, _: &str, upload_id: &str, number: u32, offset: u64, bytes: &Bytes) -> Result<Part, Error> {
        let (id, bytes) = (upload_id.to_owned(), bytes.clone());
        let part = Part { number, offset, length: bytes.len() as u64, etag: String::new() };
        self.run(move |objects| objects.put_part(&id, offset, &bytes)).await?;
        Ok(part)
    }

    async fn complete_multipart(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<(), Error> {
        let (key, id, parts) = (key.to_owned(), upload_id.to_owned(), parts.to_vec());
        self.run(move |objects| objects.complete(&key, &id, &parts)).await
    }

    async fn abort_multipart(&self, _: &str, upload_id: &str) -> Result<(), Error> {
        let id = upload_id.to_owned();
        or_absent(self.run(move |objects| objects.abort(&id)).await)
    }

    async fn put(&self, key: &str, bytes: &Bytes, _: &str) -> Result<(), Error> {
        let (key, bytes) = (key.to_owned(), bytes.clone());
        self.run(move |objects| objects.put(&key, &bytes)).await
    }

    async fn get_range(&self, key: &str, start: u64, end: u64) -> Result<ByteStream, Error> {
        let key = key.to_owned();
        let (file, first) = self
            .run(move |objects| {
                let file = File::open(objects.path(&key)?)?;
                let first = read(&file, start, end, PIECE)?;
                if first.is_empty() {
                    return Err(Error::Refused(416));
                }
                Ok((file, first))
            })
            .await?;
        let next = start + first.len() as u64;
        let rest = stream::try_unfold((file, next), move |(file, next)| async move {
            if next > end {
                return Ok(None);
            }
            let (piece, file) = blocking(move || Ok((read(&file, next, end, PIECE)?, file))).await?;
            let after = next + piece.len() as u64;
            Ok((!piece.is_empty()).then_some((piece, (file, after))))
        });
        Ok(stream::iter([Ok(first)]).chain(rest).boxed())
    }

    async fn read(&self, key: &str, start: u64, end: u64) -> Result<Bytes, Error> {
        let key = key.to_owned();
        let bytes = self.run(move |objects| read(&File::open(objects.path(&key)?)?, start, end, u64::MAX)).await?;
        if bytes.is_empty() { Err(Error::Refused(416)) } else { Ok(bytes) }
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        or_absent(self.run(move |objects| objects.delete(&key)).await)
    }

    async fn exists(&self, key: &str) -> Result<bool, Error> {
        let key = key.to_owned();
        match self.run(move |objects| Ok(fs::metadata(objects.path(&key)?)?.is_file())).await {
            Err(Error::NotFound) => Ok(false),
            other => other,
        }
    }

    async fn probe(&self) -> Result<(), Error> {
        self.run(Objects::probe).await
    }
}

/// For removals: one that is not there is no error.
fn or_absent(removed: Result<(), Error>) -> Result<(), Error> {
    match removed {
        Err(Error::NotFound) => Ok(()),
        other => other,
    }
}

/// At most `limit` bytes from `start` to `end`, both included; none after the end.
fn read(file: &File, start: u64, end: u64, limit: u64) -> Result<Bytes, Error> {
    let wanted = end.saturating_add(1).saturating_sub(start).min(limit) as usize;
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        let offset = start + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), offset) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    bytes.truncate(wanted);
    Ok(bytes.into())
}

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(call).await.map_err(|error| Error::Unavailable(error.to_string()))?
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
