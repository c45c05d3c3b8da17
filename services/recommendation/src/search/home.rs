//! Where the index of this replica lives.

use std::path::{Path, PathBuf};

use fenz_search_index::{Error, Index, Opened, Options, Result};

/// Replicas that share a folder.
const MOST: usize = 64;

/// An index, and whether it has to be built from the beginning.
pub struct Home {
    pub index: Index,
    /// What it was that could not be opened.
    pub problem: Option<String>,
}

/// Opens the first part of the folder that no other replica uses, with an empty
/// index where there is none that can be used. Blocks.
pub fn open(folder: &Path, generation: i64) -> Result<Home> {
    for part in (0..MOST).map(|part| folder.join(part.to_string())) {
        match open_part(&part, generation) {
            Err(Error::InUse(_)) => {}
            opened => return opened,
        }
    }
    Err(Error::InUse(PathBuf::from(folder)))
}

fn open_part(part: &Path, generation: i64) -> Result<Home> {
    let options = Options::default();
    let problem = match Index::open(part, options)? {
        Opened::Ready(index) => return Ok(Home { index: *index, problem: None }),
        Opened::Missing => None,
        Opened::Broken(problem) => Some(problem),
    };
    Ok(Home { index: Index::create(part, generation, options)?, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_take_parts_of_their_own_and_find_them_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), 1).unwrap();
        let second = open(folder.path(), 2).unwrap();
        assert!(folder.path().join("1/version").exists());
        drop(first);
        assert_eq!(open(folder.path(), 9).unwrap().index.mark().generation, 1);
        drop(second);
    }
}
