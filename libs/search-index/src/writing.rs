//! Putting videos into the index and taking them out.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

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

/// Documents handed to the writer's threads at a time. One by one each would
/// wake a thread.
const BATCH: usize = 100;

/// Larger segments are not merged: while an index is built that would write
/// most of it twice, and several threads search several segments.
const WHOLE: u64 = 40_000;

/// Of a large index those are larger that are more than one in so many of its
/// documents.
const MOST_WHOLE: u64 = 25;

/// How an index is built from nothing. Later changes are few: one thread and
/// the least memory do for them.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads that index, and that search a large index.
    pub threads: usize,
    /// Bytes that all of them fill before they write; 15 MB each at least.
    pub memory: usize,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
        Self { threads, memory: threads * 128_000_000 }
    }
}

impl Options {
    /// tantivy refuses less.
    const LEAST_MEMORY: usize = 15_000_000;

    fn open(self, index: &tantivy::Index, is_building: bool) -> Result<IndexWriter> {
        let threads = if is_building { self.threads.max(1) } else { 1 };
        let memory = if is_building { self.memory / threads } else { 0 };
        let options = IndexWriterOptions::builder()
            .num_worker_threads(threads)
            .memory_budget_per_thread(memory.max(Self::LEAST_MEMORY))
            .num_merge_threads(threads)
            .build();
        let writer = index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(merging(0)));
        Ok(writer)
    }
}

fn merging(documents: u64) -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_max_docs_before_merge(WHOLE.max(documents / MOST_WHOLE) as usize);
    policy
}

/// How far an index is; kept with each commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// The last change applied; 0 before the first.
    pub sequence: i64,
    /// How far within that change, where one is about many videos.
    pub within: i64,
    /// Which building of the index it is, as its feeder counts them.
    pub generation: i64,
    /// When it was as new as that, in Unix seconds.
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

pub struct Writing {
    index: tantivy::Index,
    options: Options,
    /// Open only while there is something to write: it keeps threads and what
    /// they allocated.
    writer: Option<IndexWriter>,
    /// On the way to the writer.
    batch: Vec<UserOperation>,
    pub views: Views,
    pub mark: Mark,
    /// Digests of the videos changed since the last commit; none of those gone.
    pending: HashMap<i64, Option<u64>>,
    /// All videos since the index was empty, while it is built. That most
    /// videos are new need not be looked up in each segment then.
    built: Option<HashSet<i64>>,
}

impl Writing {
    pub fn new(index: tantivy::Index, options: Options, views: Views, mark: Mark, is_empty: bool) -> Self {
        let built = is_empty.then(HashSet::new);
        Self { index, options, writer: None, batch: Vec::new(), views, mark, pending: HashMap::new(), built }
    }

    fn writer(&mut self) -> Result<&mut IndexWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.options.open(&self.index, self.built.is_some())?,
        };
        Ok(self.writer.insert(writer))
    }

    /// Lets go of the writer, its threads and its memory; the next change opens
    /// another one. Waits for segments that are merged. Does nothing while
    /// something is not committed. Whether the segments may be others now.
    pub fn rest(&mut self) -> Result<bool> {
        if !(self.pending.is_empty() && self.batch.is_empty()) {
            return Ok(false);
        }
        self.built = None;
        let Some(writer) = self.writer.take() else { return Ok(false) };
        writer.wait_merging_threads()?;
        Ok(true)
    }

    /// Hands over what was applied.
    pub fn flush(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.writer()?.run(batch)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, operation: UserOperation) -> Result<()> {
        self.batch.push(operation);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    pub fn apply(&mut self, change: &Change, fields: &Fields, now: &Arc<Snapshot>) -> Result<()> {
        match change {
            Change::Put(video) => self.put(video, fields, now),
            Change::Viewed { id, views } => {
                if self.known(*id, fields, now)?.is_some() {
                    self.set_views(*id, *views, fields, now)?;
                }
                Ok(())
            }
            Change::Gone(id) => self.take_out(*id, fields, now),
        }
    }

    fn put(&mut self, video: &Document, fields: &Fields, now: &Snapshot) -> Result<()> {
        let digest = video.digest();
        let known = self.known(video.id, fields, now)?;
        if known == Some(digest) {
            return self.set_views(video.id, video.views, fields, now);
        }
        if known.is_some() {
            self.hand_over(UserOperation::Delete(Term::from_field_i64(fields.id, video.id)))?;
        }
        self.hand_over(UserOperation::Add(fields.document(video, digest)))?;
        self.views.forget(video.id);
        self.pending.insert(video.id, Some(digest));
        if let Some(built) = &mut self.built {
            built.insert(video.id);
        }
        Ok(())
    }

    fn set_views(&mut self, id: i64, count: u64, fields: &Fields, now: &Snapshot) -> Result<()> {
        self.views.set(id, count);
        if let Some((at, doc)) = now.locate(fields.id, id)? {
            now.extras[at].set_views(doc, count);
        }
        Ok(())
    }

    fn take_out(&mut self, id: i64, fields: &Fields, now: &Snapshot) -> Result<()> {
        if self.known(id, fields, now)?.is_some() {
            self.hand_over(UserOperation::Delete(Term::from_field_i64(fields.id, id)))?;
            self.pending.insert(id, None);
        }
        self.views.forget(id);
        Ok(())
    }

    /// The digest of a video that is in the index, or will be.
    fn known(&self, id: i64, fields: &Fields, now: &Snapshot) -> Result<Option<u64>> {
        if let Some(digest) = self.pending.get(&id) {
            return Ok(*digest);
        }
        if self.built.as_ref().is_some_and(|built| !built.contains(&id)) {
            return Ok(None);
        }
        let place = now.locate(fields.id, id)?;
        Ok(place.map(|(at, doc)| now.extras[at].digests.get_val(doc)))
    }

    /// Takes everything out; found no more after the next commit.
    pub fn clear(&mut self) -> Result<()> {
        // Another one, with all that building needs.
        self.batch.clear();
        self.writer = None;
        self.built = Some(HashSet::new());
        self.writer()?.delete_all_documents()?;
        self.views.clear();
        self.pending.clear();
        Ok(())
    }

    /// The views are saved first: those of a commit that failed are replayed.
    /// `documents` are how many the index has, roughly.
    pub fn commit(&mut self, mark: Mark, documents: u64) -> Result<()> {
        self.views.save()?;
        self.flush()?;
        let writer = self.writer()?;
        writer.set_merge_policy(Box::new(merging(documents)));
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&mark.payload());
        commit.commit()?;
        self.mark = mark;
        self.pending.clear();
        Ok(())
    }
}
