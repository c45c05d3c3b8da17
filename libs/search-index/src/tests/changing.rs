//! Changes of videos and of their views.

use super::{OPTIONS, Shelf, ids, titled};
use crate::{Change, Document, Index, Mark, Opened, Query, Sort};

fn viewed(id: i64, views: u64) -> Document {
    Document { views, ..titled(id, "rice") }
}

fn by_views(shelf: &Shelf) -> Vec<i64> {
    ids(&shelf.search(&Query { sort: Sort::MostViews, ..Query::from("rice") }))
}

#[test]
fn a_changed_video_is_there_once() {
    let shelf = Shelf::titles(&["rice", "rice"]);
    shelf.put(&[titled(1, "noodles"), titled(1, "soup")]);
    assert_eq!((shelf.found("rice"), shelf.found("noodles"), shelf.found("soup")), (vec![2], vec![], vec![1]));
    assert_eq!(shelf.index.len(), 2);
    shelf.apply(&[Change::Gone(1), Change::Gone(9)]);
    assert_eq!(shelf.index.len(), 1);
    shelf.apply(&[Change::Put(titled(1, "soup")), Change::Gone(1), Change::Put(titled(1, "rice"))]);
    assert_eq!(shelf.found("rice"), [1, 2]);
    shelf.apply(&[Change::Put(titled(1, "rice again")), Change::Gone(1)]);
    assert_eq!(shelf.found("rice"), [2]);
}

#[test]
fn the_same_change_again_changes_nothing() {
    let shelf = Shelf::titles(&["rice"]);
    for _ in 0..3 {
        shelf.put(&[titled(1, "rice")]);
    }
    assert_eq!((shelf.index.len(), shelf.found("rice")), (1, vec![1]));
}

#[test]
fn views_count_at_once_and_stay() {
    let shelf = Shelf::of(&[viewed(1, 10), viewed(2, 20), viewed(3, 30)]);
    shelf.index.apply(&[Change::Put(viewed(1, 100))]).unwrap();
    assert_eq!(by_views(&shelf), [1, 3, 2], "before the commit");
    shelf.apply(&[]);
    let shelf = shelf.reopened();
    assert_eq!(by_views(&shelf), [1, 3, 2], "from the file");
    shelf.put(&[Document { views: 5, ..titled(1, "rice and more") }]);
    assert_eq!(by_views(&shelf), [3, 2, 1], "a new document brings its own");
    assert_eq!(by_views(&shelf.reopened()), [3, 2, 1]);
}

#[test]
fn views_alone() {
    let shelf = Shelf::of(&[viewed(1, 10), viewed(2, 20)]);
    shelf.apply(&[Change::Viewed { id: 1, views: 100 }, Change::Viewed { id: 9, views: 1 }]);
    assert_eq!(by_views(&shelf), [1, 2]);
    assert_eq!(by_views(&shelf.reopened()), [1, 2]);
}

#[test]
fn a_cleared_index_is_empty_and_can_be_built_anew() {
    let shelf = Shelf::of(&[viewed(1, 10), viewed(2, 20)]);
    shelf.apply(&[Change::Viewed { id: 1, views: 100 }]);
    shelf.index.clear(3).unwrap();
    assert!(shelf.index.is_empty() && shelf.find("rice").is_empty());
    assert_eq!(shelf.index.mark(), Mark { generation: 3, ..Mark::default() });
    shelf.put(&[viewed(1, 10), viewed(2, 20)]);
    assert_eq!(by_views(&shelf.reopened()), [2, 1]);
}

#[test]
fn views_of_a_video_not_yet_committed() {
    let shelf = Shelf::of(&[viewed(2, 20)]);
    shelf.apply(&[Change::Put(viewed(1, 10)), Change::Put(viewed(1, 30))]);
    assert_eq!(by_views(&shelf), [1, 2]);
    assert_eq!(by_views(&shelf.reopened()), [1, 2]);
}

#[test]
fn views_survive_that_segments_become_one() {
    let shelf = Shelf::of(&[viewed(1, 1)]);
    shelf.put(&[viewed(1, 1_000)]);
    for id in 2..60 {
        shelf.put(&[viewed(id, id as u64)]);
    }
    assert_eq!(by_views(&shelf)[0], 1);
}

#[test]
fn views_decide_between_equals() {
    let shelf = Shelf::of(&[viewed(1, 100_000), viewed(2, 0)]);
    assert_eq!(shelf.find("rice"), [1, 2]);
}

#[test]
fn what_was_not_committed_is_applied_again() {
    let shelf = Shelf::titles(&["rice"]);
    shelf.index.apply(&[Change::Put(titled(2, "rice")), Change::Gone(1)]).unwrap();
    assert_eq!(shelf.found("rice"), [1]);
    let shelf = shelf.reopened();
    assert_eq!((shelf.index.mark().sequence, shelf.found("rice")), (1, vec![1]));
    shelf.apply(&[Change::Put(titled(2, "rice")), Change::Gone(1)]);
    assert_eq!((shelf.index.mark().sequence, shelf.found("rice")), (3, vec![2]));
}

#[test]
fn the_mark_survives() {
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
fn at_rest_no_writer_is_held_and_changes_go_on() {
    let shelf = Shelf::titles(&["rice"]);
    let is_held = || {
        let mut index = tantivy::Index::open_in_dir(shelf.folder.path().join("segments")).unwrap();
        index.register_plugin(std::sync::Arc::new(crate::schema::Fields::new().signs()));
        index.writer_with_num_threads::<tantivy::TantivyDocument>(1, OPTIONS.memory).is_err()
    };
    shelf.index.apply(&[Change::Put(titled(2, "rice"))]).unwrap();
    shelf.index.rest().unwrap();
    assert!(is_held(), "something is not committed");
    shelf.apply(&[]);
    shelf.index.rest().unwrap();
    assert!(!is_held());
    assert_eq!(shelf.found("rice"), [1, 2]);
    shelf.put(&[titled(1, "noodles"), titled(3, "rice")]);
    assert_eq!((shelf.found("rice"), shelf.found("noodles"), shelf.index.len()), (vec![2, 3], vec![1], 3));
    shelf.index.rest().unwrap();
    shelf.apply(&[Change::Gone(1)]);
    assert_eq!((shelf.found("noodles"), shelf.index.mark().sequence), (vec![], 4));
}

#[test]
fn more_changes_than_are_handed_over_at_once() {
    let all = |title: &str| (1..=250).map(|id| titled(id, title)).collect::<Vec<_>>();
    let shelf = Shelf::of(&all("rice"));
    shelf.put(&all("noodles"));
    assert_eq!(shelf.search(&"rice".into()).total, 0);
    assert_eq!((shelf.search(&"noodles".into()).total, shelf.index.len()), (250, 250));
}

#[test]
fn searching_goes_on_while_writing() {
    let shelf = Shelf::of(&(1..=20).map(|id| titled(id, "rice")).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        let searching = scope.spawn(|| (0..300).all(|_| shelf.search(&"rice".into()).total == 20));
        for round in 0..20 {
            shelf.put(&(1..=20).map(|id| titled(id, &format!("rice {round}"))).collect::<Vec<_>>());
        }
        assert!(searching.join().unwrap(), "a change was seen half");
    });
}
