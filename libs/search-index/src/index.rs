//! An index on its folder.

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
    gather::{Gather, Gathered},
    highlight::Marker,
    query::{
        Query, Sort,
        compile::{Compiled, Compiler},
        units::{Unit, loosened, units},
    },
    schema::{Fields, VERSION},
    snapshot::Snapshot,
    suggest,
    views::Views,
    writing::{Mark, Options, Writing},
};

/// Deeper lists are not kept in order.
const DEEPEST: usize = 10_000;

/// From this many videos on a search is worth several threads.
const LARGE: u64 = 200_000;

/// Blocks of titles kept unpacked for each segment.
const STORE_BLOCKS: usize = 64;

/// What a folder holds.
pub enum Opened {
    Ready(Box<Index>),
    Missing,
    /// Cannot be used, and why: [`Index::create`] replaces it.
    Broken(String),
}

/// Searched by many threads at once, written by one.
pub struct Index {
    fields: Fields,
    reader: IndexReader,
    options: Options,
    /// Searches the segments of a large index at the same time; none for a
    /// small one, which does without the threads.
    executor: OnceLock<Executor>,
    writing: Mutex<Writing>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// Nobody else's as long as this lives.
    folder: Folder,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    /// The page asked for, in order.
    pub hits: Vec<Hit>,
    /// All that match.
    pub total: u64,
    pub facets: Facets,
    /// Marks what was looked for in the texts of the hits: the index does not
    /// keep them.
    pub marker: Marker,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub id: i64,
    /// How well it fits, when the order is by relevance.
    pub score: f32,
}

impl Index {
    /// Opens what is there, having read all of it once: what is broken shows
    /// here, and what is whole is in the page cache for the first searches.
    ///
    /// # Errors
    /// When the folder is in use or cannot be read.
    pub fn open(path: &Path, options: Options) -> Result<Opened> {
        let folder = Folder::occupy(path)?;
        match folder.version()? {
            None => return Ok(Opened::Missing),
            Some(version) if version != VERSION.to_string() => {
                return Ok(Opened::Broken(format!("its schema is {version}, that of now is {VERSION}")));
            }
            Some(_) => {}
        }
        // tantivy trusts its files, and may panic over damaged ones.
        match catch_unwind(AssertUnwindSafe(|| Self::open_whole(folder, options))) {
            Ok(Ok(index)) => Ok(Opened::Ready(Box::new(index))),
            Ok(Err(error)) => Ok(Opened::Broken(error.to_string())),
            Err(_) => Ok(Opened::Broken("its files cannot be read".to_owned())),
        }
    }

    fn open_whole(folder: Folder, options: Options) -> Result<Self> {
        let fields = Fields::new();
        let mut index = tantivy::Index::open(directory(&folder)?)?;
        index.register_plugin(Arc::new(fields.signs()));
        if index.schema() != fields.schema {
            return Err(tantivy::TantivyError::SchemaError("its fields differ".to_owned()).into());
        }
        let damaged = index.validate_checksum()?;
        if let Some(file) = damaged.into_iter().next() {
            let file = std::io::Error::other(format!("{} is damaged", file.display()));
            return Err(file.into());
        }
        let mark = index.load_metas()?.payload.as_deref().and_then(Mark::parse);
        let mark = mark.ok_or_else(|| std::io::Error::other("it does not say how far it is"))?;
        Self::start(folder, index, fields, mark, options)
    }

    /// An empty index in place of what was there.
    ///
    /// # Errors
    /// When the folder is in use or cannot be written.
    pub fn create(path: &Path, generation: i64, options: Options) -> Result<Self> {
        let folder = Folder::occupy(path)?;
        folder.clear()?;
        let fields = Fields::new();
        let builder = tantivy::Index::builder().schema(fields.schema.clone()).register_plugin(Arc::new(fields.signs()));
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
            .doc_store_cache_num_blocks(STORE_BLOCKS)
            .try_into()?;
        let views = Views::load(&folder.path);
        let snapshot = Snapshot::new(reader.searcher(), None, &views)?;
        let writing = Writing::new(index, options, views, mark, snapshot.searcher.num_docs() == 0);
        let opened = Self {
            fields,
            reader,
            options,
            executor: OnceLock::new(),
            writing: Mutex::new(writing),
            snapshot: RwLock::new(Arc::new(snapshot)),
            folder,
        };
        opened.widen()?;
        Ok(opened)
    }

    /// Applies changes. New and changed videos are found after the next
    /// [`Self::commit`], new view counts count at once.
    ///
    /// # Errors
    /// When the disk is full or broken. What was applied since the last commit
    /// is then lost, and the index has to be opened again.
    pub fn apply(&self, changes: &[Change]) -> Result<()> {
        let (mut writing, snapshot) = (self.writing(), self.snapshot());
        for change in changes {
            writing.apply(change, &self.fields, &snapshot)?;
        }
        writing.flush()
    }

    /// Makes what was applied found and safe, together with how far that is.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn commit(&self, mark: Mark) -> Result<()> {
        let mut writing = self.writing();
        writing.commit(mark, self.len())?;
        self.show(&writing)
    }

    /// To be called when there is nothing to write for a while: what writing
    /// needs is let go of, until the next change. Waits for what still goes on.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn rest(&self) -> Result<()> {
        let mut writing = self.writing();
        if writing.rest()? { self.show(&writing) } else { Ok(()) }
    }

    /// Searches find what is committed from now on.
    fn show(&self, writing: &Writing) -> Result<()> {
        self.reader.reload()?;
        let snapshot = Snapshot::new(self.reader.searcher(), Some(&self.snapshot()), &writing.views)?;
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.widen()
    }

    /// Takes several threads for the searches once the index is large.
    fn widen(&self) -> Result<()> {
        if self.len() >= LARGE && self.executor.get().is_none() {
            let executor = Executor::multi_thread(self.options.threads.max(1), "search-")?;
            self.executor.get_or_init(|| executor);
        }
        Ok(())
    }

    /// Takes everything out, to be built anew from the beginning.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn clear(&self, generation: i64) -> Result<()> {
        self.writing().clear()?;
        self.commit(Mark { generation, ..Mark::default() })
    }

    /// How far the last commit is.
    pub fn mark(&self) -> Mark {
        self.writing().mark
    }

    /// Which state of it searches see: another number after each commit, and one
    /// that no other index of the process has.
    pub fn state(&self) -> u64 {
        self.snapshot().number
    }

    /// Videos that can be found.
    pub fn len(&self) -> u64 {
        self.snapshot().searcher.num_docs()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// # Errors
    /// When the files are broken.
    pub fn search(&self, query: &Query) -> Result<Results> {
        let snapshot = self.snapshot();
        let units = units(&query.text);
        if units.is_empty() && !query.text.trim().is_empty() {
            return Ok(Results::default());
        }
        let (mut gathered, mut marker) = self.find(&snapshot, &units, query)?;
        if gathered.total == 0
            && let Some(loose) = loosened(&units)
        {
            (gathered, marker) = self.find(&snapshot, &loose, query)?;
        }
        let page = gathered.first.into_iter().skip(query.offset);
        Ok(Results {
            marker,
            hits: page.map(|place| Hit { id: place.id, score: place.score() }).collect(),
            total: gathered.total,
            facets: gathered.counts.facets(),
        })
    }

    fn find(&self, snapshot: &Snapshot, units: &[Unit], query: &Query) -> Result<(Gathered, Marker)> {
        let compiler = Compiler { snapshot, fields: &self.fields };
        let Compiled { query: wanted, marker } = compiler.compile(units, &query.filters)?;
        // Without words all fit equally.
        let is_unranked = units.is_empty() && query.sort == Sort::Relevance;
        let gather = Gather {
            extras: snapshot.extras.clone(),
            filters: query.filters.clone(),
            sort: if is_unranked { Sort::Newest } else { query.sort },
            keep: query.offset.saturating_add(query.limit).min(DEEPEST),
        };
        let searcher = &snapshot.searcher;
        let one = Executor::single_thread();
        let executor = self.executor.get().filter(|_| searcher.num_docs() >= LARGE).unwrap_or(&one);
        let scoring = if gather.requires_scoring() {
            EnableScoring::enabled_from_searcher(searcher)
        } else {
            EnableScoring::disabled_from_searcher(searcher)
        };
        Ok((searcher.search_with_executor(&wanted, &gather, executor, scoring)?, marker))
    }

    /// Ten at most: tags and titles that begin so, of the most videos and views
    /// first.
    ///
    /// # Errors
    /// When the files are broken.
    pub fn suggest(&self, beginning: &str) -> Result<Vec<String>> {
        Ok(suggest::suggest(&self.snapshot(), &self.fields, beginning)?)
    }

    /// What a text that finds nothing may have meant: something that does find.
    ///
    /// # Errors
    /// When the files are broken.
    pub fn correct(&self, text: &str) -> Result<Option<String>> {
        let Some(text) = correct(&self.snapshot().searcher, &self.fields, text)? else { return Ok(None) };
        let found = self.search(&Query { text: text.clone(), ..Query::default() })?;
        Ok((found.total > 0).then_some(text))
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn directory(folder: &Folder) -> Result<MmapDirectory> {
    MmapDirectory::open(folder.segments()).map_err(|error| Error::Index(error.into()))
}
