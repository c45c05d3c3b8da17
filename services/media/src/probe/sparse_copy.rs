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
    ebml,
    sniff::{Format, SNIFF_BYTES},
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
    #[error("the file is shorter than it says")]
    Truncated,
}

/// A copy, deleted when dropped.
pub struct SparseCopy {
    file: NamedTempFile,
    /// How many bytes of the start are there.
    pub head: u64,
    pub is_whole: bool,
}

impl SparseCopy {
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// None if the file's index is too large to be copied.
pub async fn create(store: &ObjectStore, source: StoredFile<'_>, folder: &Path) -> Result<Option<SparseCopy>, Error> {
    let temporary = tempfile::Builder::new().prefix("fenz-probe-").tempfile_in(folder)?;
    let StoredFile { key, size, format } = source;
    let mut copy = Copying { store, key, size, file: File::from_std(temporary.reopen()?) };
    let head = HEAD.min(size);
    copy.fill(0, head).await?;
    if matches!(format, Format::Mp4 | Format::QuickTime) {
        if let Some((start, index)) = copy.find_index(head).await?
            && start + index.size > head
        {
            if index.size > MAX_INDEX {
                return Ok(None);
            }
            copy.fill(start, index.size).await?;
        }
        copy.file.set_len(size).await?;
    } else {
        // Read sequentially: a hole would be parsed as garbage.
        copy.check_segment(head).await?;
    }
    copy.file.flush().await?;
    Ok(Some(SparseCopy { file: temporary, head, is_whole: head == size }))
}

struct Copying<'a> {
    store: &'a ObjectStore,
    key: &'a str,
    size: u64,
    file: File,
}

impl Copying<'_> {
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

    /// The offset of the index. Index and samples end within the file, unless it is
    /// fragmented: a recording that breaks off ends within a fragment and can be played.
    async fn find_index(&mut self, head: u64) -> Result<Option<(u64, Header)>, Error> {
        let (mut offset, mut index) = (0, None);
        for _ in 0..MAX_BOXES {
            let remaining = self.size.saturating_sub(offset);
            let Some(header) = boxes::header(&self.read_header(offset, head).await?, remaining) else { break };
            if header.kind == *b"moof" {
                break;
            }
            if header.size > remaining {
                // Anything else is what some programs append.
                if matches!(&header.kind, b"moov" | b"mdat") {
                    return Err(Error::Truncated);
                }
                break;
            }
            if header.kind == *b"moov" && index.is_none() {
                index = Some((offset, header));
            }
            offset += header.size;
        }
        Ok(index)
    }

    /// Whether a Matroska file is as long as it says.
    async fn check_segment(&mut self, head: u64) -> Result<(), Error> {
        let start = self.read(0, SNIFF_BYTES as u64, head).await?;
        match ebml::segment_end(&start) {
            Some(end) if end > self.size => Err(Error::Truncated),
            _ => Ok(()),
        }
    }

    /// A box's first bytes, fewer at the end of the file.
    async fn read_header(&mut self, offset: u64, head: u64) -> Result<Vec<u8>, Error> {
        self.read(offset, boxes::MAX_HEADER, head).await
    }

    /// At most so many bytes, from the copy where it has them.
    async fn read(&mut self, offset: u64, length: u64, head: u64) -> Result<Vec<u8>, Error> {
        let length = length.min(self.size.saturating_sub(offset));
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
