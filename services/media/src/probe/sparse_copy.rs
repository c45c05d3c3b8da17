//! A sparse local copy of a video that suffices for ffprobe: its first bytes and its
//! index at their offsets, and holes elsewhere.

use std::{io, path::Path, time::Duration};

use fenz_object_store::{self, ObjectStore};
use futures::StreamExt;
use tempfile::NamedTempFile;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    time::Instant,
};

use super::StoredFile;
use crate::domain::{
    ebml,
    sniff::{Format, SNIFF_BYTES},
};

/// How much of the start is copied.
const HEAD: u64 = 16 << 20;
/// How much of a Matroska file is copied from its first frames on, if they are further back.
const CLUSTERS: u64 = 8 << 20;
/// How much of it is copied at most.
const MAX_HEAD: u64 = 256 << 20;
/// How many elements are looked at before the first frames.
const MAX_ELEMENTS: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] fenz_object_store::Error),
    #[error("the temporary file: {0}")]
    File(#[from] io::Error),
    #[error("the file is shorter than it says")]
    Truncated,
}

/// A copy, deleted when dropped.
pub struct SparseCopy {
    file: NamedTempFile,
    /// How many bytes of the start are there.
    pub head: u64,
    pub is_whole: bool,
    /// The index is complete, and with it the length.
    pub has_length: bool,
}

impl SparseCopy {
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// None if the file's index is too large to be copied. Fragments are indexed for about
/// half of the timeout.
pub async fn create(
    store: &ObjectStore,
    source: StoredFile<'_>,
    folder: &Path,
    timeout: Duration,
) -> Result<Option<SparseCopy>, Error> {
    let deadline = Instant::now() + timeout / 2;
    let temporary = temporary_file(folder)?;
    let StoredFile { key, size, format } = source;
    let head = HEAD.min(size);
    let mut copy = Copying { store, key, size, head, file: File::from_std(temporary.reopen()?) };
    copy.fill(0, head).await?;
    let mut has_length = true;
    if matches!(format, Format::Mp4 | Format::QuickTime) {
        let Some(index) = copy.copy_index(deadline).await? else { return Ok(None) };
        has_length = index.is_complete;
        copy.file.set_len(size).await?;
    } else {
        copy.check_segment().await?;
        if !copy.copy_first_cluster().await? {
            return Ok(None);
        }
        // Read sequentially: a hole would be parsed as garbage.
        copy.file.set_len(copy.head).await?;
    }
    copy.file.flush().await?;
    let head = copy.head;
    Ok(Some(SparseCopy { file: temporary, head, is_whole: head == size, has_length }))
}

pub fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix("fenz-probe-").tempfile_in(folder)
}

/// A copy that is being made.
pub struct Copying<'a> {
    pub store: &'a ObjectStore,
    pub key: &'a str,
    pub size: u64,
    pub head: u64,
    pub file: File,
}

impl Copying<'_> {
    pub async fn fill(&mut self, start: u64, length: u64) -> Result<(), Error> {
        if length == 0 {
            return Ok(());
        }
        self.file.seek(io::SeekFrom::Start(start)).await?;
        let mut bytes = self.store.get_range(self.key, start, start + length - 1).await?;
        while let Some(chunk) = bytes.next().await {
            self.file.write_all(&chunk?).await?;
        }
        self.file.flush().await?;
        Ok(())
    }

    /// At most so many bytes, fewer at the end of the file. What the head does not have is
    /// copied too.
    pub async fn read(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let length = length.min(self.size.saturating_sub(offset));
        if length == 0 {
            return Ok(Vec::new());
        }
        self.file.seek(io::SeekFrom::Start(offset)).await?;
        if offset + length > self.head {
            let bytes = self.store.read(self.key, offset, offset + length - 1).await?;
            self.file.write_all(&bytes).await?;
            return Ok(bytes.into());
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// Extends the head to the first frames of a Matroska file, before which there may be
    /// fonts. False if that would be too much.
    async fn copy_first_cluster(&mut self) -> Result<bool, Error> {
        let mut offset = 0;
        for _ in 0..MAX_ELEMENTS {
            let bytes = self.read(offset, ebml::MAX_ELEMENT_HEADER).await?;
            let Some(element) = ebml::element(&bytes, 0) else { return Ok(true) };
            if element.id == ebml::CLUSTER {
                let end = self.size.min(offset + CLUSTERS);
                if end > MAX_HEAD {
                    return Ok(false);
                }
                if end > self.head {
                    self.fill(self.head, end - self.head).await?;
                    self.head = end;
                }
                return Ok(true);
            }
            let next = if element.id == ebml::SEGMENT { Some(element.start) } else { element.end };
            match next.and_then(|next| offset.checked_add(next)).filter(|next| *next < self.size) {
                Some(next) => offset = next,
                None => return Ok(true),
            }
        }
        Ok(true)
    }

    /// Whether a Matroska file is as long as it says.
    async fn check_segment(&mut self) -> Result<(), Error> {
        let start = self.read(0, SNIFF_BYTES as u64).await?;
        match ebml::segment_end(&start) {
            Some(end) if end > self.size => Err(Error::Truncated),
            _ => Ok(()),
        }
    }
}
