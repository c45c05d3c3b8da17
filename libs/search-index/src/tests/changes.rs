//! Changes of videos and of their views.

use super::{OPTIONS, TestIndex, ids, titled};
use crate::{Change, Document, Index, Mark, Opened, Query, Sort};

fn viewed(id: i64, views: u64) -> Document {
    Document { views, ..titled(id, "rice") }
}

fn by_views(fixture: &TestIndex) -> Vec<i64> {
    ids(&fixture.search(&Query { sort: Sort::MostViews, ..Query::from("rice") }))
}

#[test]
fn a_changed_video_is_indexed_once() {
    let fixture = TestIndex::titles(&["rice", "rice"]);
    fixture.put(&[titled(1, "noodles"), titled(1, "soup")]);
    assert_eq!((fixture.found("rice"), fixture.found("noodles"), fixture.found("soup")), (vec![2], vec![], vec![1]));
    assert_eq!(fixture.index.len(), 2);
    fixture.apply(&[Change::Delete(1), Change::Delete(9)]);
    assert_eq!(fixture.index.len(), 1);
    fixture.apply(&[Change::Put(titled(1, "soup")), Change::Delete(1), Change::Put(titled(1, "rice"))]);
    assert_eq!(fixture.found("rice"), [1, 2]);
    fixture.apply(&[Change::Put(titled(1, "rice again")), Change::Delete(1)]);
    assert_eq!(fixture.found("rice"), [2]);
}

#[test]
fn the_same_change_again_changes_nothing() {
    let fixture = TestIndex::titles(&["rice"]);
    for _ in 0..3 {
        fixture.put(&[titled(1, "rice")]);
    }
    assert_eq!((fixture.index.len(), fixture.found("rice")), (1, vec![1]));
}

#[test]
fn views_apply_without_a_commit_and_persist() {
    let fixture = TestIndex::of(&[viewed(1, 10), viewed(2, 20), viewed(3, 30)]);
    fixture.index.apply(&[Change::Put(viewed(1, 100))]).unwrap();
    assert_eq!(by_views(&fixture), [1, 3, 2], "before the commit");
    fixture.apply(&[]);
    let fixture = fixture.reopened();
    assert_eq!(by_views(&fixture), [1, 3, 2], "from the file");
    fixture.put(&[Document { views: 5, ..titled(1, "rice and more") }]);
    assert_eq!(by_views(&fixture), [3, 2, 1], "a new document has its own count");
    assert_eq!(by_views(&fixture.reopened()), [3, 2, 1]);
}

#[test]
fn views_without_a_document() {
    let fixture = TestIndex::of(&[viewed(1, 10), viewed(2, 20)]);
    fixture.apply(&[Change::Viewed { id: 1, views: 100 }, Change::Viewed { id: 9, views: 1 }]);
    assert_eq!(by_views(&fixture), [1, 2]);
    assert_eq!(by_views(&fixture.reopened()), [1, 2]);
}

#[test]
fn a_cleared_index_is_empty_and_can_be_rebuilt() {
    let fixture = TestIndex::of(&[viewed(1, 10), viewed(2, 20)]);
    fixture.apply(&[Change::Viewed { id: 1, views: 100 }]);
    fixture.index.clear(3).unwrap();
    assert!(fixture.index.is_empty() && fixture.find("rice").is_empty());
    assert_eq!(fixture.index.mark(), Mark { generation: 3, ..Mark::default() });
    fixture.put(&[viewed(1, 10), viewed(2, 20)]);
    assert_eq!(by_views(&fixture.reopened()), [2, 1]);
}

#[test]
fn views_of_an_uncommitted_video() {
    let fixture = TestIndex::of(&[viewed(2, 20)]);
    fixture.apply(&[Change::Put(viewed(1, 10)), Change::Put(viewed(1, 30))]);
    assert_eq!(by_views(&fixture), [1, 2]);
    assert_eq!(by_views(&fixture.reopened()), [1, 2]);
}

#[test]
fn views_survive_a_merge_of_segments() {
    let fixture = TestIndex::of(&[viewed(1, 1)]);
    fixture.put(&[viewed(1, 1_000)]);
    for id in 2..60 {
        fixture.put(&[viewed(id, id as u64)]);
    }
    assert_eq!(by_views(&fixture)[0], 1);
}

#[test]
fn views_break_ties() {
    let fixture = TestIndex::of(&[viewed(1, 100_000), viewed(2, 0)]);
    assert_eq!(fixture.find("rice"), [1, 2]);
}

#[test]
fn uncommitted_changes_are_applied_again() {
    let fixture = TestIndex::titles(&["rice"]);
    fixture.index.apply(&[Change::Put(titled(2, "rice")), Change::Delete(1)]).unwrap();
    assert_eq!(fixture.found("rice"), [1]);
    let fixture = fixture.reopened();
    assert_eq!((fixture.index.mark().sequence, fixture.found("rice")), (1, vec![1]));
    fixture.apply(&[Change::Put(titled(2, "rice")), Change::Delete(1)]);
    assert_eq!((fixture.index.mark().sequence, fixture.found("rice")), (3, vec![2]));
}

#[test]
fn the_mark_is_stored_with_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::create(folder.path(), 7, OPTIONS).unwrap();
    assert_eq!(index.mark(), Mark { generation: 7, ..Mark::default() });
    let mark = Mark { sequence: 12, within: i64::MAX, generation: 7, at: 1_700_000_000 };
    index.commit(mark).unwrap();
    drop(index);
    let Opened::Ready(index) = Index::open(folder.path(), OPTIONS).unwrap() else { panic!("not ready") };
    assert_eq!(index.mark(), mark);
}

#[test]
fn a_released_writer_is_opened_again_by_the_next_change() {
    let fixture = TestIndex::titles(&["rice"]);
    let is_held = || {
        let mut index = tantivy::Index::open_in_dir(fixture.folder.path().join("segments")).unwrap();
        index.register_plugin(std::sync::Arc::new(crate::schema::Fields::new().bigrams()));
        index.writer_with_num_threads::<tantivy::TantivyDocument>(1, OPTIONS.memory).is_err()
    };
    fixture.index.apply(&[Change::Put(titled(2, "rice"))]).unwrap();
    fixture.index.release_writer().unwrap();
    assert!(is_held(), "something is not committed");
    fixture.apply(&[]);
    fixture.index.release_writer().unwrap();
    assert!(!is_held());
    assert_eq!(fixture.found("rice"), [1, 2]);
    fixture.put(&[titled(1, "noodles"), titled(3, "rice")]);
    assert_eq!((fixture.found("rice"), fixture.found("noodles"), fixture.index.len()), (vec![2, 3], vec![1], 3));
    fixture.index.release_writer().unwrap();
    fixture.apply(&[Change::Delete(1)]);
    assert_eq!((fixture.found("noodles"), fixture.index.mark().sequence), (vec![], 4));
}

#[test]
fn more_changes_than_a_batch() {
    let all = |title: &str| (1..=250).map(|id| titled(id, title)).collect::<Vec<_>>();
    let fixture = TestIndex::of(&all("rice"));
    fixture.put(&all("noodles"));
    assert_eq!(fixture.search(&"rice".into()).total, 0);
    assert_eq!((fixture.search(&"noodles".into()).total, fixture.index.len()), (250, 250));
}

#[test]
fn searches_run_while_writing() {
    let fixture = TestIndex::of(&(1..=20).map(|id| titled(id, "rice")).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        let searching = scope.spawn(|| (0..300).all(|_| fixture.search(&"rice".into()).total == 20));
        for round in 0..20 {
            fixture.put(&(1..=20).map(|id| titled(id, &format!("rice {round}"))).collect::<Vec<_>>());
        }
        assert!(searching.join().unwrap(), "a partial commit was visible");
    });
}
