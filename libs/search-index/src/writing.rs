//! Putting videos into the index and taking them out.

use std::{collections::HashMap, sync::Arc};

use tantivy::{IndexWriter, Term};

use crate::{
    document::{Change, Document},
    error::Result,
    schema::Fields,
    snapshot::Snapshot,
    views::Views,
};

/// How an index is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads that index.
    pub threads: usize,
    /// Bytes that all of them fill before they write; 15 MB each at least.
    pub memory: usize,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
        Self { threads, memory: threads * 64_000_000 }
    }
}

impl Options {
    /// tantivy refuses less.
    const LEAST_MEMORY: usize = 15_000_000;

    pub(crate) fn open(self, index: &tantivy::Index) -> Result<IndexWriter> {
        let threads = self.threads.max(1);
        Ok(index.writer_with_num_threads(threads, self.memory.max(threads * Self::LEAST_MEMORY))?)
    }
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
    writer: IndexWriter,
    pub views: Views,
    pub mark: Mark,
    /// Digests of the videos changed since the last commit; none of those gone.
    pending: HashMap<i64, Option<u64>>,
}

impl Writing {
    pub fn new(writer: IndexWriter, views: Views, mark: Mark) -> Self {
        Self { writer, views, mark, pending: HashMap::new() }
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
            self.writer.delete_term(Term::from_field_i64(fields.id, video.id));
        }
        self.writer.add_document(fields.document(video, digest))?;
        self.views.forget(video.id);
        self.pending.insert(video.id, Some(digest));
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
            self.writer.delete_term(Term::from_field_i64(fields.id, id));
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
        let place = now.locate(fields.id, id)?;
        Ok(place.map(|(at, doc)| now.extras[at].digests.get_val(doc)))
    }

    /// Takes everything out; found no more after the next commit.
    pub fn clear(&mut self) -> Result<()> {
        self.writer.delete_all_documents()?;
        self.views.clear();
        self.pending.clear();
        Ok(())
    }

    /// The views are saved first: those of a commit that failed are replayed.
    pub fn commit(&mut self, mark: Mark) -> Result<()> {
        self.views.save()?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&mark.payload());
        commit.commit()?;
        self.mark = mark;
        self.pending.clear();
        Ok(())
    }
}
