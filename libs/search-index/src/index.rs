//! An index in its folder.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

use tantivy::{
    Executor, IndexReader, ReloadPolicy, collector::Collector, directory::MmapDirectory, query::EnableScoring,
};

use crate::{
    correct::correct,
    document::Change,
    error::{Error, Result},
    facets::Facets,
    folder::Folder,
    highlight::Marker,
    hits::{HitCollector, Hits},
    query::{
        Query, Sort,
        clause::{Clause, clauses, relaxed},
        compile::{Compiled, Compiler},
    },
    schema::{Fields, VERSION},
    snapshot::Snapshot,
    suggest,
    views::Views,
    writer::{DocumentWriter, Mark, Options},
};

/// Offset plus limit of a query; later hits are not returned.
const MAX_DEPTH: usize = 10_000;

/// Smaller indexes are searched faster by one thread.
const PARALLEL_SEARCH_DOCS: u64 = 200_000;

/// Blocks of stored titles that are cached decompressed, per segment.
const CACHED_STORE_BLOCKS: usize = 64;

/// The state of a folder.
pub enum Opened {
    Ready(Box<Index>),
    Missing,
    /// Unusable, with the reason; [`Index::create`] replaces it.
    Broken(String),
}

/// Searched by many threads concurrently, written by one.
pub struct Index {
    fields: Fields,
    reader: IndexReader,
    options: Options,
    /// Searches the segments of a large index in parallel; none for a small one.
    executor: OnceLock<Executor>,
    writer: Mutex<DocumentWriter>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// Holds the lock.
    folder: Folder,
}

/// The result of a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    /// The requested page, in order.
    pub hits: Vec<Hit>,
    /// All hits.
    pub total: u64,
    pub facets: Facets,
    /// Highlights the matches in the texts of the hits, which the index does not
    /// store.
    pub marker: Marker,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub id: i64,
    /// Only if sorted by relevance.
    pub score: f32,
}

impl Index {
    /// Opens the index of a folder and verifies its checksums, which also loads it
    /// into the page cache for the first searches.
    ///
    /// # Errors
    /// If the folder is in use or cannot be read.
    pub fn open(path: &Path, options: Options) -> Result<Opened> {
        let folder = Folder::lock(path)?;
        match folder.version()? {
            None => return Ok(Opened::Missing),
            Some(version) if version != VERSION.to_string() => {
                return Ok(Opened::Broken(format!("its schema version is {version}, not {VERSION}")));
            }
            Some(_) => {}
        }
        // tantivy may panic on corrupt files.
        match catch_unwind(AssertUnwindSafe(|| Self::open_verified(folder, options))) {
            Ok(Ok(index)) => Ok(Opened::Ready(Box::new(index))),
            Ok(Err(error)) => Ok(Opened::Broken(error.to_string())),
            Err(_) => Ok(Opened::Broken("its files are corrupt".to_owned())),
        }
    }

    fn open_verified(folder: Folder, options: Options) -> Result<Self> {
        let fields = Fields::new();
        let mut index = tantivy::Index::open(directory(&folder)?)?;
        index.register_plugin(Arc::new(fields.bigrams()));
        if index.schema() != fields.schema {
            return Err(tantivy::TantivyError::SchemaError("its fields differ".to_owned()).into());
        }
        let damaged = index.validate_checksum()?;
        if let Some(file) = damaged.into_iter().next() {
            return Err(std::io::Error::other(format!("{} is damaged", file.display())).into());
        }
        let mark = index.load_metas()?.payload.as_deref().and_then(Mark::parse);
        let mark = mark.ok_or_else(|| std::io::Error::other("its last commit has no mark"))?;
        Self::start(folder, index, fields, mark, options)
    }

    /// Creates an empty index, replacing an existing one.
    ///
    /// # Errors
    /// If the folder is in use or cannot be written.
    pub fn create(path: &Path, generation: i64, options: Options) -> Result<Self> {
        let folder = Folder::lock(path)?;
        folder.clear()?;
        let fields = Fields::new();
        let builder =
            tantivy::Index::builder().schema(fields.schema.clone()).register_plugin(Arc::new(fields.bigrams()));
        let index = builder.open_or_create(directory(&folder)?)?;
        let mark = Mark { generation, ..Mark::default() };
        let index = Self::start(folder, index, fields, mark, options)?;
        index.commit(mark)?;
        index.folder.set_version()?;
        Ok(index)
    }

    fn start(folder: Folder, mut index: tantivy::Index, fields: Fields, mark: Mark, options: Options) -> Result<Self> {
        index.set_tokenizers(Fields::tokenizers());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(CACHED_STORE_BLOCKS)
            .try_into()?;
        let views = Views::load(&folder.path);
        let snapshot = Snapshot::new(reader.searcher(), None, &views)?;
        let writer = DocumentWriter::new(index, options, views, mark, snapshot.searcher.num_docs() == 0);
        let opened = Self {
            fields,
            reader,
            options,
            executor: OnceLock::new(),
            writer: Mutex::new(writer),
            snapshot: RwLock::new(Arc::new(snapshot)),
            folder,
        };
        opened.update_executor()?;
        Ok(opened)
    }

    /// Applies changes. Documents become visible with the next [`Self::commit`],
    /// view counts immediately.
    ///
    /// # Errors
    /// If writing fails. Changes since the last commit are then lost, and the index
    /// has to be opened again.
    pub fn apply(&self, changes: &[Change]) -> Result<()> {
        let (mut writer, snapshot) = (self.writer(), self.snapshot());
        for change in changes {
            writer.apply(change, &self.fields, &snapshot)?;
        }
        writer.flush()
    }

    /// Makes the applied changes visible and durable, and stores the mark.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn commit(&self, mark: Mark) -> Result<()> {
        let mut writer = self.writer();
        writer.commit(mark, self.len())?;
        self.refresh(&writer)
    }

    /// Releases the threads and memory for writing until the next change; to be
    /// called when idle. Waits for running merges.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn release_writer(&self) -> Result<()> {
        let mut writer = self.writer();
        if writer.release()? { self.refresh(&writer) } else { Ok(()) }
    }

    /// Makes the last commit visible to searches.
    fn refresh(&self, writer: &DocumentWriter) -> Result<()> {
        self.reader.reload()?;
        let snapshot = Snapshot::new(self.reader.searcher(), Some(&self.snapshot()), &writer.views)?;
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.update_executor()
    }

    /// Starts search threads once the index is large.
    fn update_executor(&self) -> Result<()> {
        if self.len() >= PARALLEL_SEARCH_DOCS && self.executor.get().is_none() {
            let executor = Executor::multi_thread(self.options.threads.max(1), "search-")?;
            self.executor.get_or_init(|| executor);
        }
        Ok(())
    }

    /// Deletes all documents, to rebuild the index.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn clear(&self, generation: i64) -> Result<()> {
        self.writer().clear()?;
        self.commit(Mark { generation, ..Mark::default() })
    }

    /// The mark of the last commit.
    pub fn mark(&self) -> Mark {
        self.writer().mark
    }

    /// The number of the snapshot that searches see: it changes with each commit and
    /// is unique in the process.
    pub fn state(&self) -> u64 {
        self.snapshot().number
    }

    /// Searchable videos.
    pub fn len(&self) -> u64 {
        self.snapshot().searcher.num_docs()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// # Errors
    /// If the files are corrupt.
    pub fn search(&self, query: &Query) -> Result<Results> {
        let snapshot = self.snapshot();
        let clauses = clauses(&query.text);
        if clauses.is_empty() && !query.text.trim().is_empty() {
            return Ok(Results::default());
        }
        let (mut found, mut marker) = self.find(&snapshot, &clauses, query)?;
        if found.total == 0
            && let Some(clauses) = relaxed(&clauses)
        {
            (found, marker) = self.find(&snapshot, &clauses, query)?;
        }
        let page = found.first.into_iter().skip(query.offset);
        Ok(Results {
            marker,
            hits: page.map(|hit| Hit { id: hit.id, score: hit.score() }).collect(),
            total: found.total,
            facets: found.counts.facets(),
        })
    }

    fn find(&self, snapshot: &Snapshot, clauses: &[Clause], query: &Query) -> Result<(Hits, Marker)> {
        let compiler = Compiler { snapshot, fields: &self.fields };
        let Compiled { query: matching, marker } = compiler.compile(clauses, &query.filters)?;
        // Without words all scores are equal.
        let is_unranked = clauses.is_empty() && query.sort == Sort::Relevance;
        let collector = HitCollector {
            segments: snapshot.segments.clone(),
            filters: query.filters.clone(),
            sort: if is_unranked { Sort::Newest } else { query.sort },
            limit: query.offset.saturating_add(query.limit).min(MAX_DEPTH),
        };
        let searcher = &snapshot.searcher;
        let single = Executor::single_thread();
        let executor = self.executor.get().filter(|_| searcher.num_docs() >= PARALLEL_SEARCH_DOCS).unwrap_or(&single);
        let scoring = if collector.requires_scoring() {
            EnableScoring::enabled_from_searcher(searcher)
        } else {
            EnableScoring::disabled_from_searcher(searcher)
        };
        Ok((searcher.search_with_executor(&matching, &collector, executor, scoring)?, marker))
    }

    /// At most ten tags and titles with the prefix, those of the most videos and
    /// views first.
    ///
    /// # Errors
    /// If the files are corrupt.
    pub fn suggest(&self, prefix: &str) -> Result<Vec<String>> {
        Ok(suggest::suggest(&self.snapshot(), &self.fields, prefix)?)
    }

    /// A spelling correction of a text without hits; one that has hits.
    ///
    /// # Errors
    /// If the files are corrupt.
    pub fn correct(&self, text: &str) -> Result<Option<String>> {
        let Some(text) = correct(&self.snapshot().searcher, &self.fields, text)? else { return Ok(None) };
        let found = self.search(&Query { text: text.clone(), ..Query::default() })?;
        Ok((found.total > 0).then_some(text))
    }

    fn writer(&self) -> MutexGuard<'_, DocumentWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn directory(folder: &Folder) -> Result<MmapDirectory> {
    MmapDirectory::open(folder.segments()).map_err(|error| Error::Index(error.into()))
}
