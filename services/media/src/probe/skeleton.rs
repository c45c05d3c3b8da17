//! A partial copy of a video that tells as much as the whole: its first bytes
//! and its index, at their places in a file that is a hole elsewhere.

use std::{io, path::Path};

use fenz_chassis::store::{self, ObjectStore};
use futures::StreamExt;
use tempfile::NamedTempFile;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use crate::domain::boxes::{self, Header};

/// How much of the start is copied.
const HEAD: u64 = 16 << 20;
/// The largest index (`moov`) that is copied.
const MAX_INDEX: u64 = 64 << 20;
/// How many top-level boxes are walked in search of it.
const MAX_BOXES: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the temporary file: {0}")]
    File(#[from] io::Error),
}

/// Copies what matters; the file is gone when the result is dropped. `mov` says
/// that the file is made of boxes, with the index anywhere.
pub async fn fetch(
    store: &ObjectStore,
    key: &str,
    size: u64,
    mov: bool,
    folder: &Path,
) -> Result<NamedTempFile, Error> {
    let temporary = tempfile::Builder::new().prefix("fenz-probe-").tempfile_in(folder)?;
    let mut copy = Partial { store, key, size, file: File::from_std(temporary.reopen()?) };
    let head = HEAD.min(size);
    copy.fill(0, head).await?;
    if mov && head < size {
        if let Some((start, index)) = copy.find_index(head).await? {
            copy.fill(start, index.size).await?;
        }
        // Matroska is read front to back: there a hole would be read as nonsense.
        copy.file.set_len(size).await?;
    }
    copy.file.flush().await?;
    Ok(temporary)
}

struct Partial<'a> {
    store: &'a ObjectStore,
    key: &'a str,
    size: u64,
    file: File,
}

impl Partial<'_> {
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

    /// Where the index is, when it is not in the head already.
    async fn find_index(&mut self, head: u64) -> Result<Option<(u64, Header)>, Error> {
        let mut at = 0;
        for _ in 0..MAX_BOXES {
            let left = self.size.saturating_sub(at);
            let Some(header) = boxes::header(&self.look(at, head).await?, left) else { return Ok(None) };
            if header.kind == *b"moov" {
                let missing = at + header.size > head && header.size <= MAX_INDEX;
                return Ok(missing.then_some((at, header)));
            }
            at += header.size;
        }
        Ok(None)
    }

    /// A box's first bytes, fewer at the end of the file.
    async fn look(&mut self, at: u64, head: u64) -> Result<Vec<u8>, Error> {
        let length = boxes::HEADER.min(self.size.saturating_sub(at));
        if length == 0 {
            return Ok(Vec::new());
        }
        if at + length > head {
            return Ok(self.store.read(self.key, at, at + length - 1).await?.into());
        }
        let mut bytes = vec![0; length as usize];
        self.file.seek(io::SeekFrom::Start(at)).await?;
        self.file.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
}
