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
    columnar::{ColumnValues, StrColumn},
    index::SegmentId,
    postings::SegmentPostings,
    schema::{Field, IndexRecordOption},
};

use crate::{schema::column, views::Views};

/// A searcher with its segments' extras, in the order of its segments.
pub struct Snapshot {
    pub searcher: Searcher,
    pub extras: Vec<Arc<Extras>>,
}

/// What is kept in memory of a segment.
pub struct Extras {
    /// By document. They change while the segment does not.
    views: Vec<AtomicU64>,
    /// Ids by ordinal.
    pub categories: Vec<i64>,
    pub tags: Vec<i64>,
    pub published: Arc<dyn ColumnValues<i64>>,
    pub ids: Arc<dyn ColumnValues<i64>>,
    pub digests: Arc<dyn ColumnValues<u64>>,
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
        Ok(Self { searcher, extras })
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
        let columns = reader.fast_fields();
        let ids = columns.column_first_or_default::<i64>(column::ID)?;
        let indexed = columns.column_first_or_default::<u64>(column::VIEWS)?;
        let newest = |doc| {
            // Most have none: the ids are not even read.
            let newer = if newer.is_empty() { None } else { newer.of(ids.get_val(doc)) };
            AtomicU64::new(newer.unwrap_or_else(|| indexed.get_val(doc)))
        };
        Ok(Self {
            views: (0..reader.max_doc()).map(newest).collect(),
            categories: numbers(columns.str(column::CATEGORY)?)?,
            tags: numbers(columns.str(column::TAGS)?)?,
            published: columns.column_first_or_default::<i64>(column::PUBLISHED)?,
            digests: columns.column_first_or_default::<u64>(column::DIGEST)?,
            ids,
        })
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

/// The ids that a column's ordinals stand for.
fn numbers(column: Option<StrColumn>) -> tantivy::Result<Vec<i64>> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let (mut ids, mut text) = (Vec::with_capacity(column.num_terms()), String::new());
    for ordinal in 0..column.num_terms() as u64 {
        text.clear();
        column.ord_to_str(ordinal, &mut text)?;
        ids.push(text.parse().unwrap_or(0));
    }
    Ok(ids)
}
