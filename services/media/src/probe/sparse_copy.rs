//! A sparse local copy of a video that suffices for ffprobe: its first bytes and
//! its index at their offsets, and holes elsewhere.

use std::{io, path::Path};

use fenz_object_store::{self, ObjectStore};
use futures::StreamExt;
use tempfile::NamedTempFile;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use super::StoredFile;
use crate::domain::{
    boxes::{self, Header},
    sniff::Format,
};

/// How much of the start is copied.
const HEAD: u64 = 16 << 20;
/// The largest index (`moov`) that is copied.
const MAX_INDEX: u64 = 256 << 20;
/// How many top-level boxes are searched for it.
const MAX_BOXES: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] fenz_object_store::Error),
    #[error("the temporary file: {0}")]
    File(#[from] io::Error),
}

/// None if the file's index is too large to be copied. The copy is deleted when the
/// result is dropped.
pub async fn create(
    store: &ObjectStore,
    source: StoredFile<'_>,
    folder: &Path,
) -> Result<Option<NamedTempFile>, Error> {
    let temporary = tempfile::Builder::new().prefix("fenz-probe-").tempfile_in(folder)?;
    let StoredFile { key, size, format } = source;
    let mut copy = SparseCopy { store, key, size, file: File::from_std(temporary.reopen()?) };
    let head = HEAD.min(size);
    copy.fill(0, head).await?;
    // Matroska is read sequentially: a hole would be parsed as garbage.
    if matches!(format, Format::Mp4 | Format::QuickTime) && head < size {
        if let Some((start, index)) = copy.find_index(head).await? {
            if index.size > MAX_INDEX {
                return Ok(None);
            }
            copy.fill(start, index.size).await?;
        }
        copy.file.set_len(size).await?;
    }
    copy.file.flush().await?;
    Ok(Some(temporary))
}

struct SparseCopy<'a> {
    store: &'a ObjectStore,
    key: &'a str,
    size: u64,
    file: File,
}

impl SparseCopy<'_> {
    async fn fill(&mut self, start: u64, length: u64) -> Result<(), Error> {
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

    /// The offset of the index, unless it is in the head.
    async fn find_index(&mut self, head: u64) -> Result<Option<(u64, Header)>, Error> {
        let mut offset = 0;
        for _ in 0..MAX_BOXES {
            let remaining = self.size.saturating_sub(offset);
            let Some(header) = boxes::header(&self.read_header(offset, head).await?, remaining) else {
                return Ok(None);
            };
            if header.kind == *b"moov" {
                let missing = offset + header.size > head;
                return Ok(missing.then_some((offset, header)));
            }
            offset += header.size;
        }
        Ok(None)
    }

    /// A box's first bytes, fewer at the end of the file.
    async fn read_header(&mut self, offset: u64, head: u64) -> Result<Vec<u8>, Error> {
        let length = boxes::MAX_HEADER.min(self.size.saturating_sub(offset));
        if length == 0 {
            return Ok(Vec::new());
        }
        if offset + length > head {
            return Ok(self.store.read(self.key, offset, offset + length - 1).await?.into());
        }
        let mut bytes = vec![0; length as usize];
        self.file.seek(io::SeekFrom::Start(offset)).await?;
        self.file.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
}
