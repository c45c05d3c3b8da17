//! A searchable state of the index, and the data kept in memory with it.

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
    cjk_bigrams::{self, AllSegments},
    query::expansion::ExpansionCache,
    schema::column,
    views::Views,
};

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

pub struct Snapshot {
    /// Unique in the process.
    pub number: u64,
    pub searcher: Searcher,
    /// In the order of the searcher's segments.
    pub segments: Vec<Arc<SegmentData>>,
    pub expansions: ExpansionCache,
    pub bigrams: Arc<AllSegments>,
}

/// What is read for every hit of a segment, as arrays where possible: a lookup in
/// a column takes ten times as long.
pub struct SegmentData {
    /// By document. They change while the segment does not.
    views: Vec<AtomicU64>,
    /// Packed [`Attributes`](crate::document::Attributes), by document.
    attributes: Vec<u16>,
    pub categories: FacetColumn,
    pub tags: FacetColumn,
    pub durations: Arc<dyn ColumnValues<i64>>,
    pub published: Arc<dyn ColumnValues<i64>>,
    pub ids: Arc<dyn ColumnValues<i64>>,
    pub digests: Arc<dyn ColumnValues<u64>>,
    bigrams: Arc<cjk_bigrams::Reader>,
}

/// The values of a facet in a segment, dictionary-encoded.
#[derive(Default)]
pub struct FacetColumn {
    /// Each distinct value.
    pub ids: Vec<i64>,
    /// Indexes in `ids`, grouped by document.
    ordinals: Vec<u32>,
    /// Where the ordinals of each document begin, and the end.
    offsets: Vec<u32>,
}

impl Snapshot {
    /// Reuses the data of segments that `before` had too.
    pub fn new(searcher: Searcher, before: Option<&Self>, newer: &Views) -> tantivy::Result<Self> {
        let mut known: HashMap<SegmentId, Arc<SegmentData>> = HashMap::new();
        if let Some(before) = before {
            for (reader, segment) in before.searcher.segment_readers().iter().zip(&before.segments) {
                known.insert(reader.segment_id(), segment.clone());
            }
        }
        let mut segments = Vec::new();
        for reader in searcher.segment_readers() {
            segments.push(match known.get(&reader.segment_id()) {
                Some(segment) => segment.clone(),
                None => Arc::new(SegmentData::read(reader, newer)?),
            });
        }
        let ids = searcher.segment_readers().iter().map(SegmentReader::segment_id);
        let bigrams = AllSegments::new(ids.zip(segments.iter().map(|segment| segment.bigrams.clone())));
        Ok(Self {
            bigrams: Arc::new(bigrams),
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            searcher,
            segments,
            expansions: ExpansionCache::default(),
        })
    }

    /// Index of the segment, and document, of a video.
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

impl SegmentData {
    fn read(reader: &SegmentReader, newer: &Views) -> tantivy::Result<Self> {
        let (columns, documents) = (reader.fast_fields(), 0..reader.max_doc());
        let ids = columns.column_first_or_default::<i64>(column::ID)?;
        let indexed = columns.column_first_or_default::<u64>(column::VIEWS)?;
        let attributes = columns.column_first_or_default::<u64>(column::ATTRIBUTES)?;
        let newest = |doc| {
            // Usually there are none, and the ids need not be read.
            let newer = if newer.is_empty() { None } else { newer.get(ids.get_val(doc)) };
            AtomicU64::new(newer.unwrap_or_else(|| indexed.get_val(doc)))
        };
        Ok(Self {
            views: documents.clone().map(newest).collect(),
            attributes: documents.map(|doc| attributes.get_val(doc) as u16).collect(),
            categories: FacetColumn::read(columns, column::CATEGORY, reader.max_doc())?,
            tags: FacetColumn::read(columns, column::TAGS, reader.max_doc())?,
            durations: columns.column_first_or_default(column::DURATION)?,
            published: columns.column_first_or_default(column::PUBLISHED)?,
            digests: columns.column_first_or_default(column::DIGEST)?,
            bigrams: cjk_bigrams::Reader::open(reader)?,
            ids,
        })
    }

    pub fn attributes(&self, doc: DocId) -> u64 {
        self.attributes[doc as usize].into()
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

impl FacetColumn {
    fn read(columns: &FastFieldReaders, name: &str, documents: u32) -> tantivy::Result<Self> {
        // None if no document has a value.
        let column: Option<Column<i64>> = columns.column_opt(name)?;
        let (mut facet, mut known) = (Self::default(), HashMap::new());
        facet.offsets.reserve_exact(documents as usize + 1);
        facet.offsets.push(0);
        for doc in 0..documents {
            for id in column.iter().flat_map(|column| column.values_for_doc(doc)) {
                let ordinal = *known.entry(id).or_insert_with(|| {
                    facet.ids.push(id);
                    facet.ids.len() as u32 - 1
                });
                facet.ordinals.push(ordinal);
            }
            facet.offsets.push(facet.ordinals.len() as u32);
        }
        facet.ordinals.shrink_to_fit();
        Ok(facet)
    }

    /// Indexes in [`Self::ids`].
    pub fn ordinals(&self, doc: DocId) -> &[u32] {
        &self.ordinals[self.offsets[doc as usize] as usize..self.offsets[doc as usize + 1] as usize]
    }
}
