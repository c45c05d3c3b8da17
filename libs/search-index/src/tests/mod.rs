//! Tests of the public API.

mod changes;
mod cjk;
mod folder;
mod search;
mod suggestions;

use tempfile::TempDir;

use crate::{Change, Document, Index, Mark, Opened, Options, Query, Results};

const OPTIONS: Options = Options { threads: 1, memory: 15_000_000 };

/// An index in a temporary folder.
struct TestIndex {
    index: Index,
    folder: TempDir,
}

impl TestIndex {
    fn of(videos: &[Document]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::create(folder.path(), 0, OPTIONS).unwrap();
        let fixture = Self { index, folder };
        fixture.put(videos);
        fixture
    }

    /// Videos 1, 2, … of these titles.
    fn titles(titles: &[&str]) -> Self {
        let videos: Vec<Document> = (1..).zip(titles).map(|(id, title)| titled(id, title)).collect();
        Self::of(&videos)
    }

    fn put(&self, videos: &[Document]) {
        let changes: Vec<Change> = videos.iter().cloned().map(Change::Put).collect();
        self.apply(&changes);
    }

    fn apply(&self, changes: &[Change]) {
        self.index.apply(changes).unwrap();
        let mark = self.index.mark();
        self.index.commit(Mark { sequence: mark.sequence + changes.len() as i64, ..mark }).unwrap();
    }

    fn search(&self, query: &Query) -> Results {
        self.index.search(&Query { limit: 20, ..query.clone() }).unwrap()
    }

    /// The ids of the hits, in order.
    fn find(&self, text: &str) -> Vec<i64> {
        ids(&self.search(&text.into()))
    }

    /// The same, sorted.
    fn found(&self, text: &str) -> Vec<i64> {
        let mut ids = self.find(text);
        ids.sort_unstable();
        ids
    }

    /// Reopens the folder without closing the index, as after a crash.
    fn reopened(self) -> Self {
        let Self { index, folder } = self;
        drop(index);
        let Opened::Ready(index) = Index::open(folder.path(), OPTIONS).unwrap() else { panic!("not ready") };
        Self { index: *index, folder }
    }
}

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

fn ids(results: &Results) -> Vec<i64> {
    results.hits.iter().map(|hit| hit.id).collect()
}

fn titled(id: i64, title: &str) -> Document {
    Document { id, title: title.to_owned(), channel_id: 1, ..Document::default() }
}
