//! View counts that are newer than the index.
//!
//! Views change all the time, and nothing else about a video does. To write
//! its document again for each flush of the counters would cost as much as
//! indexing it. So the counts live in memory, a number for each document, and
//! those newer than the documents are kept in a small file beside the index,
//! from which they come back at the next start.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

const FILE: &str = "views";

/// The sum of the file's content stands at its end.
const SUM: usize = 8;

#[derive(Debug)]
pub struct Views {
    file: PathBuf,
    newer: HashMap<i64, u64>,
    is_saved: bool,
}

impl Views {
    /// Those kept in a folder; none when the file is broken. Then the counts
    /// are as old as the documents until the next view.
    pub fn load(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let newer = fs::read(&file).ok().and_then(|bytes| decode(&bytes)).unwrap_or_default();
        Self { file, newer, is_saved: true }
    }

    pub fn is_empty(&self) -> bool {
        self.newer.is_empty()
    }

    pub fn of(&self, id: i64) -> Option<u64> {
        self.newer.get(&id).copied()
    }

    pub fn set(&mut self, id: i64, views: u64) {
        self.is_saved &= self.newer.insert(id, views) == Some(views);
    }

    /// The document is as new, or gone.
    pub fn forget(&mut self, id: i64) {
        self.is_saved &= self.newer.remove(&id).is_none();
    }

    pub fn clear(&mut self) {
        self.is_saved &= self.newer.is_empty();
        self.newer.clear();
    }

    /// Puts them into the file if they changed; a crash leaves the old file or
    /// the new one.
    pub fn save(&mut self) -> io::Result<()> {
        if self.is_saved {
            return Ok(());
        }
        let fresh = self.file.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&encode(&self.newer))?;
        file.sync_data()?;
        fs::rename(&fresh, &self.file)?;
        self.is_saved = true;
        Ok(())
    }
}

fn encode(newer: &HashMap<i64, u64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(newer.len() * 16 + SUM);
    for (id, views) in newer {
        bytes.extend(id.to_le_bytes());
        bytes.extend(views.to_le_bytes());
    }
    bytes.extend(sum(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<HashMap<i64, u64>> {
    let (entries, kept) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if sum(entries).to_le_bytes() != kept {
        return None;
    }
    let (pairs, rest) = entries.as_chunks::<16>();
    let pair = |pair: &[u8; 16]| {
        let number = u128::from_le_bytes(*pair);
        (number as i64, (number >> 64) as u64)
    };
    rest.is_empty().then(|| pairs.iter().map(pair).collect())
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_come_back_and_broken_files_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut views = Views::load(folder.path());
        views.set(7, 100);
        views.set(-8, u64::MAX);
        views.set(9, 1);
        views.forget(9);
        views.save().unwrap();
        let again = Views::load(folder.path());
        assert_eq!([7, -8, 9].map(|id| again.of(id)), [Some(100), Some(u64::MAX), None]);
        fs::write(folder.path().join(FILE), b"not views at all").unwrap();
        assert!(Views::load(folder.path()).is_empty());
        fs::write(folder.path().join(FILE), b"x").unwrap();
        assert!(Views::load(folder.path()).is_empty());
    }
}
