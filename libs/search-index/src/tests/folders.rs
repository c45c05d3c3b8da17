//! Folders that are missing, broken, of another version or in use.

use std::{fs, path::PathBuf};

use super::{OPTIONS, Shelf};
use crate::{Error, Index, Opened, remove};

fn is_broken(shelf: Shelf, damage: impl Fn(&Shelf)) -> bool {
    damage(&shelf);
    let Shelf { index, folder } = shelf;
    drop(index);
    let is_broken = matches!(Index::open(folder.path(), OPTIONS).unwrap(), Opened::Broken(_));
    let index = Index::create(folder.path(), 1, OPTIONS).unwrap();
    assert!(index.is_empty(), "what is broken can be replaced");
    is_broken
}

fn segment_files(shelf: &Shelf, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(shelf.folder.path().join("segments")).unwrap();
    files.map(|file| file.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

#[test]
fn nothing_there_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Index::open(&folder.path().join("a/b"), OPTIONS).unwrap(), Opened::Missing));
}

#[test]
fn another_schema_is_broken() {
    let shelf = Shelf::titles(&["rice"]);
    assert!(is_broken(shelf, |shelf| fs::write(shelf.folder.path().join("version"), "0\n").unwrap()));
}

#[test]
fn damaged_files_are_broken() {
    for ending in [".term", ".idx", ".fast", ".store", ".signs"] {
        let damage = |shelf: &Shelf| {
            for file in segment_files(shelf, ending) {
                let mut bytes = fs::read(&file).unwrap();
                bytes[0] ^= 0xff;
                fs::write(&file, bytes).unwrap();
            }
        };
        assert!(is_broken(Shelf::titles(&["rice 台北"]), damage), "{ending}");
    }
}

#[test]
fn cut_and_lost_files_are_broken() {
    let cut = |shelf: &Shelf| {
        for file in segment_files(shelf, ".idx") {
            fs::write(&file, b"").unwrap();
        }
    };
    assert!(is_broken(Shelf::titles(&["rice"]), cut));
    let lose = |shelf: &Shelf| {
        for file in segment_files(shelf, ".store") {
            fs::remove_file(&file).unwrap();
        }
    };
    assert!(is_broken(Shelf::titles(&["rice"]), lose));
    let forget = |shelf: &Shelf| fs::write(shelf.folder.path().join("segments/meta.json"), "{").unwrap();
    assert!(is_broken(Shelf::titles(&["rice"]), forget));
}

#[test]
fn half_made_is_missing() {
    let Shelf { index, folder } = Shelf::titles(&["rice"]);
    drop(index);
    fs::remove_file(folder.path().join("version")).unwrap();
    assert!(matches!(Index::open(folder.path(), OPTIONS).unwrap(), Opened::Missing));
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let shelf = Shelf::titles(&["rice"]);
    let path = shelf.folder.path();
    assert!(matches!(Index::open(path, OPTIONS), Err(Error::InUse(_))));
    assert!(matches!(Index::create(path, 0, OPTIONS), Err(Error::InUse(_))));
    assert!(matches!(remove(path), Err(Error::InUse(_))));
    assert_eq!(shelf.found("rice"), [1]);
}

#[test]
fn removing_leaves_what_is_not_the_index() {
    let Shelf { index, folder } = Shelf::titles(&["rice"]);
    drop(index);
    fs::write(folder.path().join("mine"), "x").unwrap();
    remove(folder.path()).unwrap();
    assert!(folder.path().join("mine").exists());
    assert!(matches!(Index::open(folder.path(), OPTIONS).unwrap(), Opened::Missing));
}

#[test]
fn an_index_is_the_same_after_reopening() {
    let shelf = Shelf::titles(&["台北 rice", "rice"]).reopened();
    assert_eq!(shelf.found("rice"), [1, 2]);
    assert_eq!(shelf.found("台北"), [1]);
}
