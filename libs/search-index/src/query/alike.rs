//! Words that an unfinished or mistyped word may stand for, and the videos that
//! have one of them: found once for each state of the index. Many queries end
//! alike, and looking a word's kin up costs more than all the rest of a search.

use std::{collections::HashMap, fmt, sync::Arc};

use moka::sync::Cache;
use tantivy::{
    BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term,
    index::SegmentId,
    query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
    schema::{Field, IndexRecordOption},
};

/// Bytes that are kept of one state of the index, about.
const KEPT_BYTES: u64 = 16 << 20;

/// Of a segment's documents at least one in so many makes a set of bits smaller
/// than a list.
const SPARSE: u32 = 32;

/// The kin of a word.
#[derive(Debug, Default)]
pub struct Alike {
    pub words: Vec<String>,
    /// Where they are: by segment, in each of two fields.
    places: HashMap<SegmentId, [Places; 2]>,
}

/// The kin of words, by the word and whether it may go on.
pub struct Kin(Cache<(String, bool), Arc<Alike>>);

impl Default for Kin {
    fn default() -> Self {
        let weigher = |(word, _): &(String, bool), alike: &Arc<Alike>| alike.bytes(word);
        Self(Cache::builder().weigher(weigher).max_capacity(KEPT_BYTES).build())
    }
}

impl Kin {
    /// What is known of a word, or is found out now.
    pub fn of(
        &self,
        word: &str,
        may_go_on: bool,
        find: impl FnOnce() -> tantivy::Result<Alike>,
    ) -> tantivy::Result<Arc<Alike>> {
        let found = self.0.try_get_with((word.to_owned(), may_go_on), || find().map(Arc::new));
        found.map_err(|error| TantivyError::clone(&error))
    }
}

impl Alike {
    /// Looks up where these words are.
    pub fn find(segments: &[SegmentReader], fields: [Field; 2], words: Vec<String>) -> tantivy::Result<Self> {
        let mut places = HashMap::new();
        if !words.is_empty() {
            for reader in segments {
                let [head, body] = fields.map(|field| Places::find(reader, field, &words));
                places.insert(reader.segment_id(), [head?, body?]);
            }
        }
        Ok(Self { words, places })
    }

    fn bytes(&self, word: &str) -> u32 {
        let words: usize = self.words.iter().map(|word| word.len() + size_of::<String>()).sum();
        let entry = size_of::<(SegmentId, [Places; 2])>();
        let places: usize = self.places.values().flatten().map(Places::bytes).sum();
        (word.len() + words + places + self.places.len() * entry + size_of::<Self>()) as u32
    }
}

/// Documents of a segment, in order.
#[derive(Clone)]
enum Places {
    Few(Arc<[DocId]>),
    Many(BitSet),
}

impl Places {
    fn find(reader: &SegmentReader, field: Field, words: &[String]) -> tantivy::Result<Self> {
        let index = reader.inverted_index(field)?;
        let mut infos = Vec::new();
        for word in words {
            infos.extend(index.get_term_info(&Term::from_field_text(field, word))?);
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
            return Ok(Self::Many(bits));
        }
        list.sort_unstable();
        list.dedup();
        Ok(Self::Few(list.into()))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Few(list) => size_of_val(&**list),
            Self::Many(bits) => bits.max_value() as usize / 8,
        }
    }

    fn scorer(&self, score: Score) -> Box<dyn Scorer> {
        match self {
            Self::Few(list) if list.is_empty() => Box::new(EmptyScorer),
            Self::Few(list) => Box::new(ConstScorer::new(Listed { list: list.clone(), at: 0 }, score)),
            Self::Many(bits) => Box::new(ConstScorer::new(BitSetDocSet::from(bits.clone()), score)),
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Few(list) => write!(f, "{} documents", list.len()),
            Self::Many(bits) => write!(f, "{} documents", bits.len()),
        }
    }
}

/// What has one of the words in a field.
#[derive(Clone, Debug)]
pub struct AnyAlike {
    pub alike: Arc<Alike>,
    /// Which of the two fields.
    pub field: usize,
    pub score: Score,
}

impl Query for AnyAlike {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for AnyAlike {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match self.alike.places.get(&reader.segment_id()) {
            Some(places) => places[self.field].scorer(boost * self.score),
            None => Box::new(EmptyScorer),
        })
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("a word alike", scorer.score()))
    }
}

struct Listed {
    list: Arc<[DocId]>,
    at: usize,
}

impl DocSet for Listed {
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
    fn a_list_is_walked_and_sought_in() {
        let mut list = Listed { list: [2, 5, 9].into(), at: 0 };
        assert_eq!((list.doc(), list.size_hint()), (2, 3));
        assert_eq!((list.seek(2), list.advance()), (2, 5));
        assert_eq!((list.seek(8), list.seek(9)), (9, 9));
        assert_eq!((list.advance(), list.advance(), list.seek(100)), (TERMINATED, TERMINATED, TERMINATED));
        assert_eq!(list.size_hint(), 0);
    }
}
