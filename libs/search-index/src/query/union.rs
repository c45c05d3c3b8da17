//! A union that does not read ahead.
//!
//! tantivy's own union buffers thousands of documents at a time, even where
//! another clause of the query leaves only a few of them. This one advances only
//! to the documents asked for, which makes a query of a common and a rare word as
//! fast as the rare one.

use std::fmt;

use tantivy::{
    DocId, DocSet, Score, SegmentReader, TERMINATED, Term,
    query::{EnableScoring, Explanation, Query, Scorer, Weight},
};

use super::explain;

pub struct UnbufferedUnion(pub Vec<Box<dyn Query>>);

impl Clone for UnbufferedUnion {
    fn clone(&self) -> Self {
        Self(self.0.iter().map(|query| query.box_clone()).collect())
    }
}

impl fmt::Debug for UnbufferedUnion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnbufferedUnion").field(&self.0).finish()
    }
}

impl Query for UnbufferedUnion {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let mut weights = Vec::with_capacity(self.0.len());
        for query in &self.0 {
            weights.push(query.weight(scoring)?);
        }
        Ok(Box::new(UnionWeight(weights)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        for query in &self.0 {
            query.query_terms(visitor);
        }
    }
}

struct UnionWeight(Vec<Box<dyn Weight>>);

impl Weight for UnionWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut scorers = Vec::with_capacity(self.0.len());
        for weight in &self.0 {
            let scorer = weight.scorer(reader, boost)?;
            if scorer.doc() != TERMINATED {
                scorers.push(scorer);
            }
        }
        Ok(Box::new(UnionScorer::new(scorers)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        explain(self, reader, doc, "unbuffered union")
    }
}

pub struct UnionScorer<S> {
    scorers: Vec<S>,
    /// The lowest of their current documents.
    doc: DocId,
}

impl<S: Scorer> UnionScorer<S> {
    pub fn new(scorers: Vec<S>) -> Self {
        let mut union = Self { scorers, doc: TERMINATED };
        union.update_doc();
        union
    }

    fn update_doc(&mut self) -> DocId {
        self.doc = self.scorers.iter().map(DocSet::doc).min().unwrap_or(TERMINATED);
        self.doc
    }
}

impl<S: Scorer> DocSet for UnionScorer<S> {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        for scorer in &mut self.scorers {
            if scorer.doc() == self.doc {
                scorer.advance();
            }
        }
        self.update_doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc >= target {
            return self.doc;
        }
        for scorer in &mut self.scorers {
            if scorer.doc() < target {
                scorer.seek(target);
            }
        }
        self.update_doc()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.scorers.iter().map(DocSet::size_hint).max().unwrap_or(0)
    }

    fn cost(&self) -> u64 {
        self.scorers.iter().map(DocSet::cost).sum()
    }
}

impl<S: Scorer> Scorer for UnionScorer<S> {
    fn score(&mut self) -> Score {
        let mut sum = 0.0;
        for scorer in &mut self.scorers {
            if scorer.doc() == self.doc {
                sum += scorer.score();
            }
        }
        sum
    }
}
