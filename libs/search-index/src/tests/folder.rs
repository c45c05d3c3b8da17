//! Folders that are missing, broken, of another version or in use.

use std::{fs, path::PathBuf};

use super::{OPTIONS, TestIndex};
use crate::{Error, Index, Opened, remove};

fn is_broken(fixture: TestIndex, damage: impl Fn(&TestIndex)) -> bool {
    damage(&fixture);
    let TestIndex { index, folder } = fixture;
    drop(index);
    let is_broken = matches!(Index::open(folder.path(), OPTIONS).unwrap(), Opened::Broken(_));
    let index = Index::create(folder.path(), 1, OPTIONS).unwrap();
    assert!(index.is_empty(), "a broken index can be replaced");
    is_broken
}

fn segment_files(fixture: &TestIndex, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(fixture.folder.path().join("segments")).unwrap();
    files.map(|file| file.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

#[test]
fn an_empty_folder_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Index::open(&folder.path().join("a/b"), OPTIONS).unwrap(), Opened::Missing));
}

#[test]
fn another_schema_version_is_broken() {
    let fixture = TestIndex::titles(&["rice"]);
    assert!(is_broken(fixture, |fixture| fs::write(fixture.folder.path().join("version"), "0\n").unwrap()));
}

#[test]
fn damaged_files_are_broken() {
    for ending in [".term", ".idx", ".fast", ".store", ".bigrams"] {
        let damage = |fixture: &TestIndex| {
            for file in segment_files(fixture, ending) {
                let mut bytes = fs::read(&file).unwrap();
                bytes[0] ^= 0xff;
                fs::write(&file, bytes).unwrap();
            }
        };
        assert!(is_broken(TestIndex::titles(&["rice 台北"]), damage), "{ending}");
    }
}

#[test]
fn truncated_and_lost_files_are_broken() {
    let cut = |fixture: &TestIndex| {
        for file in segment_files(fixture, ".idx") {
            fs::write(&file, b"").unwrap();
        }
    };
    assert!(is_broken(TestIndex::titles(&["rice"]), cut));
    let lose = |fixture: &TestIndex| {
        for file in segment_files(fixture, ".store") {
            fs::remove_file(&file).unwrap();
        }
    };
    assert!(is_broken(TestIndex::titles(&["rice"]), lose));
    let forget = |fixture: &TestIndex| fs::write(fixture.folder.path().join("segments/meta.json"), "{").unwrap();
    assert!(is_broken(TestIndex::titles(&["rice"]), forget));
}

#[test]
fn an_incomplete_index_is_missing() {
    let TestIndex { index, folder } = TestIndex::titles(&["rice"]);
    drop(index);
    fs::remove_file(folder.path().join("version")).unwrap();
    assert!(matches!(Index::open(folder.path(), OPTIONS).unwrap(), Opened::Missing));
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let fixture = TestIndex::titles(&["rice"]);
    let path = fixture.folder.path();
    assert!(matches!(Index::open(path, OPTIONS), Err(Error::InUse(_))));
    assert!(matches!(Index::create(path, 0, OPTIONS), Err(Error::InUse(_))));
    assert!(matches!(remove(path), Err(Error::InUse(_))));
    assert_eq!(fixture.found("rice"), [1]);
}

#[test]
fn removing_leaves_other_files() {
    let TestIndex { index, folder } = TestIndex::titles(&["rice"]);
    drop(index);
    fs::write(folder.path().join("mine"), "x").unwrap();
    remove(folder.path()).unwrap();
    assert!(folder.path().join("mine").exists());
    assert!(matches!(Index::open(folder.path(), OPTIONS).unwrap(), Opened::Missing));
}

#[test]
fn an_index_is_the_same_after_reopening() {
    let fixture = TestIndex::titles(&["台北 rice", "rice"]).reopened();
    assert_eq!(fixture.found("rice"), [1, 2]);
    assert_eq!(fixture.found("台北"), [1]);
}
