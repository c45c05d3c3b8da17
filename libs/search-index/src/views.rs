//! View counts that are newer than the documents.
//!
//! View counts change far more often than other fields, and rewriting a document
//! costs as much as indexing it. So the counts are in memory, and those newer than
//! the documents are saved in a small file beside the index for the next start.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

const FILE: &str = "views";

/// The file ends with a checksum of its content.
const CHECKSUM_BYTES: usize = 8;

#[derive(Debug)]
pub struct Views {
    file: PathBuf,
    counts: HashMap<i64, u64>,
    is_saved: bool,
}

impl Views {
    /// Those saved in a folder; none if the file is corrupt: the counts are then as
    /// old as the documents until the next view.
    pub fn load(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let counts = fs::read(&file).ok().and_then(|bytes| decode(&bytes)).unwrap_or_default();
        Self { file, counts, is_saved: true }
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub fn get(&self, id: i64) -> Option<u64> {
        self.counts.get(&id).copied()
    }

    pub fn set(&mut self, id: i64, views: u64) {
        self.is_saved &= self.counts.insert(id, views) == Some(views);
    }

    /// To be called when the document is as new, or deleted.
    pub fn remove(&mut self, id: i64) {
        self.is_saved &= self.counts.remove(&id).is_none();
    }

    pub fn clear(&mut self) {
        self.is_saved &= self.counts.is_empty();
        self.counts.clear();
    }

    /// Saves them if they changed; after a crash the file is the old or the new one.
    pub fn save(&mut self) -> io::Result<()> {
        if self.is_saved {
            return Ok(());
        }
        let new = self.file.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&encode(&self.counts))?;
        file.sync_data()?;
        fs::rename(&new, &self.file)?;
        self.is_saved = true;
        Ok(())
    }
}

fn encode(counts: &HashMap<i64, u64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(counts.len() * 16 + CHECKSUM_BYTES);
    for (id, views) in counts {
        bytes.extend(id.to_le_bytes());
        bytes.extend(views.to_le_bytes());
    }
    bytes.extend(fnv1a(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<HashMap<i64, u64>> {
    let (entries, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    if fnv1a(entries).to_le_bytes() != checksum {
        return None;
    }
    let (pairs, rest) = entries.as_chunks::<16>();
    let pair = |pair: &[u8; 16]| {
        let number = u128::from_le_bytes(*pair);
        (number as i64, (number >> 64) as u64)
    };
    rest.is_empty().then(|| pairs.iter().map(pair).collect())
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_restored_and_corrupt_files_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let mut views = Views::load(folder.path());
        views.set(7, 100);
        views.set(-8, u64::MAX);
        views.set(9, 1);
        views.remove(9);
        views.save().unwrap();
        let again = Views::load(folder.path());
        assert_eq!([7, -8, 9].map(|id| again.get(id)), [Some(100), Some(u64::MAX), None]);
        fs::write(folder.path().join(FILE), b"not views at all").unwrap();
        assert!(Views::load(folder.path()).is_empty());
        fs::write(folder.path().join(FILE), b"x").unwrap();
        assert!(Views::load(folder.path()).is_empty());
    }
}
