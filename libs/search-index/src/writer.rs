//! Adds, updates and deletes documents.

use std::collections::{HashMap, HashSet};

use tantivy::{
    IndexWriter, Term,
    indexer::{IndexWriterOptions, LogMergePolicy, UserOperation},
};

use crate::{
    document::{Change, Document},
    error::Result,
    schema::Fields,
    snapshot::Snapshot,
    views::Views,
};

/// Operations sent to the indexing threads at a time: each send wakes a thread.
const BATCH: usize = 100;

/// Larger segments are not merged: merging them would rewrite most of the index
/// while it is built, and several threads search several segments.
const MAX_MERGED_DOCS: u64 = 40_000;

/// In a large index, segments of up to this part of its documents are merged.
const LARGE_INDEX_SEGMENTS: u64 = 25;

/// Resources for building an index from nothing. Later changes are few: one
/// thread and the minimum of memory suffice for them.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads that index, and that search a large index.
    pub threads: usize,
    /// Bytes that all threads buffer before they write; at least 15 MB each.
    pub memory: usize,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
        Self { threads, memory: threads * 128_000_000 }
    }
}

impl Options {
    /// tantivy's minimum.
    const MIN_MEMORY: usize = 15_000_000;

    fn open(self, index: &tantivy::Index, is_building: bool) -> Result<IndexWriter> {
        let threads = if is_building { self.threads.max(1) } else { 1 };
        let memory = if is_building { self.memory / threads } else { 0 };
        let options = IndexWriterOptions::builder()
            .num_worker_threads(threads)
            .memory_budget_per_thread(memory.max(Self::MIN_MEMORY))
            .num_merge_threads(threads)
            .build();
        let writer = index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(merge_policy(0)));
        Ok(writer)
    }
}

fn merge_policy(documents: u64) -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_max_docs_before_merge(MAX_MERGED_DOCS.max(documents / LARGE_INDEX_SEGMENTS) as usize);
    policy
}

/// How far an index has followed the changes; stored with each commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// The last change applied; 0 before the first.
    pub sequence: i64,
    /// Position within that change, if it concerns many videos.
    pub within: i64,
    /// The caller's number of this build of the index.
    pub generation: i64,
    /// When the index was up to date with it, in Unix seconds.
    pub at: i64,
}

impl Mark {
    pub(crate) fn payload(self) -> String {
        format!("{} {} {} {}", self.sequence, self.within, self.generation, self.at)
    }

    pub(crate) fn parse(payload: &str) -> Option<Self> {
        let mut numbers = payload.split(' ').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { sequence: next()?, within: next()?, generation: next()?, at: next()? })
    }
}

pub struct DocumentWriter {
    index: tantivy::Index,
    options: Options,
    /// Open only while there is something to write, since it holds threads and
    /// memory.
    writer: Option<IndexWriter>,
    batch: Vec<UserOperation>,
    pub views: Views,
    pub mark: Mark,
    /// Digests of the videos changed since the last commit; none for deleted ones.
    pending: HashMap<i64, Option<u64>>,
    /// While an empty index is built: the videos added so far. Most videos are
    /// new then, which saves looking them up in each segment.
    initial_build: Option<HashSet<i64>>,
}

impl DocumentWriter {
    pub fn new(index: tantivy::Index, options: Options, views: Views, mark: Mark, is_empty: bool) -> Self {
        let initial_build = is_empty.then(HashSet::new);
        Self { index, options, writer: None, batch: Vec::new(), views, mark, pending: HashMap::new(), initial_build }
    }

    fn writer(&mut self) -> Result<&mut IndexWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.options.open(&self.index, self.initial_build.is_some())?,
        };
        Ok(self.writer.insert(writer))
    }

    /// Drops the tantivy writer with its threads and memory, after its merges;
    /// the next change opens another one. Does nothing if there are uncommitted
    /// changes. Returns whether the segments may have changed.
    pub fn release(&mut self) -> Result<bool> {
        if !(self.pending.is_empty() && self.batch.is_empty()) {
            return Ok(false);
        }
        self.initial_build = None;
        let Some(writer) = self.writer.take() else { return Ok(false) };
        writer.wait_merging_threads()?;
        Ok(true)
    }

    pub fn flush(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.writer()?.run(batch)?;
        }
        Ok(())
    }

    fn enqueue(&mut self, operation: UserOperation) -> Result<()> {
        self.batch.push(operation);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    pub fn apply(&mut self, change: &Change, fields: &Fields, snapshot: &Snapshot) -> Result<()> {
        match change {
            Change::Put(video) => self.put(video, fields, snapshot),
            Change::Viewed { id, views } => {
                if self.digest(*id, fields, snapshot)?.is_some() {
                    self.set_views(*id, *views, fields, snapshot)?;
                }
                Ok(())
            }
            Change::Delete(id) => self.delete(*id, fields, snapshot),
        }
    }

    fn put(&mut self, video: &Document, fields: &Fields, snapshot: &Snapshot) -> Result<()> {
        let digest = video.digest();
        let known = self.digest(video.id, fields, snapshot)?;
        if known == Some(digest) {
            return self.set_views(video.id, video.views, fields, snapshot);
        }
        if known.is_some() {
            self.enqueue(UserOperation::Delete(Term::from_field_i64(fields.id, video.id)))?;
        }
        self.enqueue(UserOperation::Add(fields.document(video, digest)))?;
        self.views.remove(video.id);
        self.pending.insert(video.id, Some(digest));
        if let Some(added) = &mut self.initial_build {
            added.insert(video.id);
        }
        Ok(())
    }

    fn set_views(&mut self, id: i64, count: u64, fields: &Fields, snapshot: &Snapshot) -> Result<()> {
        self.views.set(id, count);
        if let Some((segment, doc)) = snapshot.locate(fields.id, id)? {
            snapshot.segments[segment].set_views(doc, count);
        }
        Ok(())
    }

    fn delete(&mut self, id: i64, fields: &Fields, snapshot: &Snapshot) -> Result<()> {
        if self.digest(id, fields, snapshot)?.is_some() {
            self.enqueue(UserOperation::Delete(Term::from_field_i64(fields.id, id)))?;
            self.pending.insert(id, None);
        }
        self.views.remove(id);
        Ok(())
    }

    /// The digest of a video that is indexed or pending.
    fn digest(&self, id: i64, fields: &Fields, snapshot: &Snapshot) -> Result<Option<u64>> {
        if let Some(digest) = self.pending.get(&id) {
            return Ok(*digest);
        }
        if self.initial_build.as_ref().is_some_and(|added| !added.contains(&id)) {
            return Ok(None);
        }
        let found = snapshot.locate(fields.id, id)?;
        Ok(found.map(|(segment, doc)| snapshot.segments[segment].digests.get_val(doc)))
    }

    /// Deletes all documents as of the next commit.
    pub fn clear(&mut self) -> Result<()> {
        // The next writer gets the threads and memory for building.
        self.batch.clear();
        self.writer = None;
        self.initial_build = Some(HashSet::new());
        self.writer()?.delete_all_documents()?;
        self.views.clear();
        self.pending.clear();
        Ok(())
    }

    /// Saves the views first: if the commit fails, their changes are applied
    /// again. `documents` is the approximate size of the index.
    pub fn commit(&mut self, mark: Mark, documents: u64) -> Result<()> {
        self.views.save()?;
        self.flush()?;
        let writer = self.writer()?;
        writer.set_merge_policy(Box::new(merge_policy(documents)));
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&mark.payload());
        commit.commit()?;
        self.mark = mark;
        self.pending.clear();
        Ok(())
    }
}
