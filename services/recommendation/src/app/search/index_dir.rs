//! The index directory of this replica.

use std::path::{Path, PathBuf};

use fenz_search_index::{Error, Index, Opened, Options, Result};

/// Replicas that can share a directory.
const MAX_REPLICAS: usize = 64;

pub struct OpenedIndex {
    pub index: Index,
    /// Why an existing index could not be opened.
    pub problem: Option<String>,
}

/// Opens the index in the first subdirectory that no other replica uses, or
/// creates an empty one there. Blocks.
pub fn open(index_dir: &Path, generation: i64) -> Result<OpenedIndex> {
    for slot in (0..MAX_REPLICAS).map(|slot| index_dir.join(slot.to_string())) {
        match open_slot(&slot, generation) {
            Err(Error::InUse(_)) => {}
            opened => return opened,
        }
    }
    Err(Error::InUse(PathBuf::from(index_dir)))
}

fn open_slot(slot: &Path, generation: i64) -> Result<OpenedIndex> {
    let options = Options::default();
    let problem = match Index::open(slot, options)? {
        Opened::Ready(index) => return Ok(OpenedIndex { index: *index, problem: None }),
        Opened::Missing => None,
        Opened::Broken(problem) => Some(problem),
    };
    Ok(OpenedIndex { index: Index::create(slot, generation, options)?, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replica_has_a_subdirectory_and_reopens_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), 1).unwrap();
        let second = open(folder.path(), 2).unwrap();
        assert!(folder.path().join("1/version").exists());
        drop(first);
        assert_eq!(open(folder.path(), 9).unwrap().index.mark().generation, 1);
        drop(second);
    }
}
