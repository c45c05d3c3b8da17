//! Terms that an incomplete or misspelled word may stand for, and the documents
//! that have them: found once per snapshot of the index. Many queries end with
//! the same letters, and expanding a word costs more than the rest of a search.

use std::{collections::HashMap, fmt, sync::Arc};

use moka::sync::Cache;
use tantivy::{
    BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term,
    index::SegmentId,
    query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
    schema::{Field, IndexRecordOption},
};

use super::explain;

/// Approximate bytes per snapshot.
const CACHE_BYTES: u64 = 16 << 20;

/// A bit set is smaller than a list of 32-bit ids if at least one document in 32
/// is in it.
const SPARSE: u32 = 32;

/// The expansion of a word.
#[derive(Debug, Default)]
pub struct Expansion {
    pub terms: Vec<String>,
    /// Their documents by segment, in each of two fields.
    docs: HashMap<SegmentId, [DocIds; 2]>,
}

/// By the word and whether it is also expanded as a prefix.
pub struct ExpansionCache(Cache<(String, bool), Arc<Expansion>>);

impl Default for ExpansionCache {
    fn default() -> Self {
        let weigher = |(word, _): &(String, bool), expansion: &Arc<Expansion>| expansion.bytes(word);
        Self(Cache::builder().weigher(weigher).max_capacity(CACHE_BYTES).build())
    }
}

impl ExpansionCache {
    pub fn get_with(
        &self,
        word: &str,
        is_prefix: bool,
        find: impl FnOnce() -> tantivy::Result<Expansion>,
    ) -> tantivy::Result<Arc<Expansion>> {
        let found = self.0.try_get_with((word.to_owned(), is_prefix), || find().map(Arc::new));
        found.map_err(|error| TantivyError::clone(&error))
    }
}

impl Expansion {
    /// Reads the documents of these terms.
    pub fn read(segments: &[SegmentReader], fields: [Field; 2], terms: Vec<String>) -> tantivy::Result<Self> {
        let mut docs = HashMap::new();
        if !terms.is_empty() {
            for reader in segments {
                let [head, body] = fields.map(|field| DocIds::read(reader, field, &terms));
                docs.insert(reader.segment_id(), [head?, body?]);
            }
        }
        Ok(Self { terms, docs })
    }

    fn bytes(&self, word: &str) -> u32 {
        let terms: usize = self.terms.iter().map(|term| term.len() + size_of::<String>()).sum();
        let entry = size_of::<(SegmentId, [DocIds; 2])>();
        let docs: usize = self.docs.values().flatten().map(DocIds::bytes).sum();
        (word.len() + terms + docs + self.docs.len() * entry + size_of::<Self>()) as u32
    }
}

/// Documents of a segment, in order.
#[derive(Clone)]
enum DocIds {
    Sparse(Arc<[DocId]>),
    Dense(BitSet),
}

impl DocIds {
    fn read(reader: &SegmentReader, field: Field, terms: &[String]) -> tantivy::Result<Self> {
        let index = reader.inverted_index(field)?;
        let mut infos = Vec::new();
        for term in terms {
            infos.extend(index.get_term_info(&Term::from_field_text(field, term))?);
        }
        let count: u64 = infos.iter().map(|info| u64::from(info.doc_freq)).sum();
        let is_dense = count > u64::from(reader.max_doc() / SPARSE);
        let mut bits = BitSet::with_max_value(if is_dense { reader.max_doc() } else { 0 });
        let mut list = Vec::new();
        for info in &infos {
            let mut postings = index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for doc in postings.docs() {
                    if is_dense {
                        bits.insert(*doc);
                    } else {
                        list.push(*doc);
                    }
                }
                postings.advance();
            }
        }
        if is_dense {
            return Ok(Self::Dense(bits));
        }
        list.sort_unstable();
        list.dedup();
        Ok(Self::Sparse(list.into()))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Sparse(list) => size_of_val(&**list),
            Self::Dense(bits) => bits.max_value() as usize / 8,
        }
    }

    fn scorer(&self, score: Score) -> Box<dyn Scorer> {
        match self {
            Self::Sparse(list) if list.is_empty() => Box::new(EmptyScorer),
            Self::Sparse(list) => Box::new(ConstScorer::new(ListDocSet { list: list.clone(), at: 0 }, score)),
            Self::Dense(bits) => Box::new(ConstScorer::new(BitSetDocSet::from(bits.clone()), score)),
        }
    }
}

impl fmt::Debug for DocIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sparse(list) => write!(f, "{} documents", list.len()),
            Self::Dense(bits) => write!(f, "{} documents", bits.len()),
        }
    }
}

/// Matches what has one of the terms in a field.
#[derive(Clone, Debug)]
pub struct ExpansionQuery {
    pub expansion: Arc<Expansion>,
    /// Index of the field.
    pub field: usize,
    pub score: Score,
}

impl Query for ExpansionQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ExpansionQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match self.expansion.docs.get(&reader.segment_id()) {
            Some(docs) => docs[self.field].scorer(boost * self.score),
            None => Box::new(EmptyScorer),
        })
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        explain(self, reader, doc, "a term of the expansion")
    }
}

struct ListDocSet {
    list: Arc<[DocId]>,
    at: usize,
}

impl DocSet for ListDocSet {
    fn advance(&mut self) -> DocId {
        self.at = (self.at + 1).min(self.list.len());
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.at += self.list[self.at..].partition_point(|doc| *doc < target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.list.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        (self.list.len() - self.at) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_advanced_and_sought_in() {
        let mut list = ListDocSet { list: [2, 5, 9].into(), at: 0 };
        assert_eq!((list.doc(), list.size_hint()), (2, 3));
        assert_eq!((list.seek(2), list.advance()), (2, 5));
        assert_eq!((list.seek(8), list.seek(9)), (9, 9));
        assert_eq!((list.advance(), list.advance(), list.seek(100)), (TERMINATED, TERMINATED, TERMINATED));
        assert_eq!(list.size_hint(), 0);
    }
}
