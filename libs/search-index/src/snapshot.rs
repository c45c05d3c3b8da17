//! A state of the index that can be searched, and what is kept in memory
//! beside it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tantivy::{
    DocId, DocSet, Searcher, SegmentReader, TERMINATED, Term,
    columnar::{Column, ColumnValues},
    fastfield::FastFieldReaders,
    index::SegmentId,
    postings::SegmentPostings,
    schema::{Field, IndexRecordOption},
};

use crate::{
    query::alike::Kin,
    schema::column,
    signs::{self, Everywhere},
    views::Views,
};

/// Snapshots of all indexes that were made in this process.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A searcher with its segments' extras, in the order of its segments.
pub struct Snapshot {
    /// No other of the process has it.
    pub number: u64,
    pub searcher: Searcher,
    pub extras: Vec<Arc<Extras>>,
    pub kin: Kin,
    pub signs: Arc<Everywhere>,
}

/// What is kept in memory of a segment: what is looked up for each video that
/// matches, in arrays, since a column costs ten times an array's look.
pub struct Extras {
    /// By document. They change while the segment does not.
    views: Vec<AtomicU64>,
    /// Packed, by document.
    facts: Vec<u16>,
    pub categories: Groups,
    pub tags: Groups,
    pub durations: Arc<dyn ColumnValues<i64>>,
    pub published: Arc<dyn ColumnValues<i64>>,
    pub ids: Arc<dyn ColumnValues<i64>>,
    pub digests: Arc<dyn ColumnValues<u64>>,
    signs: Arc<signs::Reader>,
}

/// What the documents of a segment belong to.
#[derive(Default)]
pub struct Groups {
    /// Of each group that occurs.
    pub ids: Vec<i64>,
    /// Places in `ids`, those of a document together.
    places: Vec<u32>,
    /// Where those of a document begin, and an end.
    starts: Vec<u32>,
}

impl Snapshot {
    /// Takes over what `before` knows of segments that are still there.
    pub fn new(searcher: Searcher, before: Option<&Self>, newer: &Views) -> tantivy::Result<Self> {
        let mut known: HashMap<SegmentId, Arc<Extras>> = HashMap::new();
        if let Some(before) = before {
            for (reader, extras) in before.searcher.segment_readers().iter().zip(&before.extras) {
                known.insert(reader.segment_id(), extras.clone());
            }
        }
        let mut extras = Vec::new();
        for reader in searcher.segment_readers() {
            extras.push(match known.get(&reader.segment_id()) {
                Some(extras) => extras.clone(),
                None => Arc::new(Extras::read(reader, newer)?),
            });
        }
        let ids = searcher.segment_readers().iter().map(SegmentReader::segment_id);
        let signs = Everywhere::new(ids.zip(extras.iter().map(|extras| extras.signs.clone())));
        Ok(Self {
            signs: Arc::new(signs),
            number: MADE.fetch_add(1, Ordering::Relaxed),
            searcher,
            extras,
            kin: Kin::default(),
        })
    }

    /// Where a video is.
    pub fn locate(&self, field: Field, id: i64) -> tantivy::Result<Option<(usize, DocId)>> {
        let term = Term::from_field_i64(field, id);
        for (at, reader) in self.searcher.segment_readers().iter().enumerate() {
            if let Some(postings) = reader.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic)?
                && let Some(doc) = first_alive(reader, postings)
            {
                return Ok(Some((at, doc)));
            }
        }
        Ok(None)
    }
}

/// The first document of postings that was not deleted.
pub fn first_alive(reader: &SegmentReader, mut postings: SegmentPostings) -> Option<DocId> {
    let mut doc = postings.doc();
    while doc != TERMINATED {
        if !reader.is_deleted(doc) {
            return Some(doc);
        }
        doc = postings.advance();
    }
    None
}

impl Extras {
    fn read(reader: &SegmentReader, newer: &Views) -> tantivy::Result<Self> {
        let (columns, documents) = (reader.fast_fields(), 0..reader.max_doc());
        let ids = columns.column_first_or_default::<i64>(column::ID)?;
        let indexed = columns.column_first_or_default::<u64>(column::VIEWS)?;
        let facts = columns.column_first_or_default::<u64>(column::FACTS)?;
        let newest = |doc| {
            // Most have none: the ids are not even read.
            let newer = if newer.is_empty() { None } else { newer.of(ids.get_val(doc)) };
            AtomicU64::new(newer.unwrap_or_else(|| indexed.get_val(doc)))
        };
        Ok(Self {
            views: documents.clone().map(newest).collect(),
            facts: documents.map(|doc| facts.get_val(doc) as u16).collect(),
            categories: Groups::read(columns, column::CATEGORY, reader.max_doc())?,
            tags: Groups::read(columns, column::TAGS, reader.max_doc())?,
            durations: columns.column_first_or_default(column::DURATION)?,
            published: columns.column_first_or_default(column::PUBLISHED)?,
            digests: columns.column_first_or_default(column::DIGEST)?,
            signs: signs::Reader::open(reader)?,
            ids,
        })
    }

    pub fn facts(&self, doc: DocId) -> u64 {
        self.facts[doc as usize].into()
    }

    pub fn views(&self, doc: DocId) -> u64 {
        self.views.get(doc as usize).map_or(0, |views| views.load(Ordering::Relaxed))
    }

    pub fn set_views(&self, doc: DocId, count: u64) {
        if let Some(views) = self.views.get(doc as usize) {
            views.store(count, Ordering::Relaxed);
        }
    }
}

impl Groups {
    fn read(columns: &FastFieldReaders, name: &str, documents: u32) -> tantivy::Result<Self> {
        // None where no document has any.
        let column: Option<Column<i64>> = columns.column_opt(name)?;
        let (mut groups, mut known) = (Self::default(), HashMap::new());
        groups.starts.reserve_exact(documents as usize + 1);
        groups.starts.push(0);
        for doc in 0..documents {
            for id in column.iter().flat_map(|column| column.values_for_doc(doc)) {
                let place = *known.entry(id).or_insert_with(|| {
                    groups.ids.push(id);
                    groups.ids.len() as u32 - 1
                });
                groups.places.push(place);
            }
            groups.starts.push(groups.places.len() as u32);
        }
        groups.places.shrink_to_fit();
        Ok(groups)
    }

    /// Places in [`Self::ids`].
    pub fn of(&self, doc: DocId) -> &[u32] {
        &self.places[self.starts[doc as usize] as usize..self.starts[doc as usize + 1] as usize]
    }
}
