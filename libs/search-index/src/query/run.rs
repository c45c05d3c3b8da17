//! Matches the videos that have a run of CJK characters.

use std::{fmt, sync::Arc};

use tantivy::{
    DocId, DocSet, Score, SegmentReader,
    query::{Bm25Weight, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

use super::{compile::HEAD_BOOST, explain, union::UnionScorer};
use crate::cjk_bigrams::{AllSegments, Matches, Part, Reader};

#[derive(Clone)]
pub struct RunQuery {
    pub bigrams: Arc<AllSegments>,
    pub run: Vec<char>,
}

impl fmt::Debug for RunQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunQuery").field(&self.run).finish()
    }
}

impl Query for RunQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let boosts = [(Part::Head, HEAD_BOOST), (Part::Body, 1.0)];
        let weights = boosts.map(|(part, boost)| self.bigrams.weight(part, &self.run).boost_by(boost));
        Ok(Box::new(RunWeight { query: self.clone(), weights }))
    }
}

struct RunWeight {
    query: RunQuery,
    /// By part.
    weights: [Bm25Weight; 2],
}

impl Weight for RunWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(bigrams) = self.query.bigrams.segment(reader.segment_id()) else { return Ok(Box::new(EmptyScorer)) };
        let scorer = |part| {
            let matches = bigrams.find(part, &self.query.run)?;
            let weight = self.weights[part as usize].boost_by(boost);
            Some(PartScorer { bigrams: bigrams.clone(), matches, part, weight })
        };
        Ok(Box::new(UnionScorer::new(Part::ALL.into_iter().filter_map(scorer).collect())))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        explain(self, reader, doc, "a run of CJK characters")
    }
}

struct PartScorer {
    bigrams: Arc<Reader>,
    matches: Matches,
    part: Part,
    weight: Bm25Weight,
}

impl DocSet for PartScorer {
    fn advance(&mut self) -> DocId {
        self.matches.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.matches.seek(target)
    }

    fn doc(&self) -> DocId {
        self.matches.doc()
    }

    fn size_hint(&self) -> u32 {
        self.matches.size_hint()
    }
}

impl Scorer for PartScorer {
    fn score(&mut self) -> Score {
        self.weight.score(self.bigrams.norm(self.part, self.matches.doc()), self.matches.term_freq())
    }
}
