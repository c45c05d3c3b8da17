//! The videos that have a run of signs.

use std::{fmt, sync::Arc};

use tantivy::{
    DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError,
    query::{Bm25Weight, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

use super::compile::IN_HEAD;
use crate::signs::{Everywhere, Matches, Part, Reader};

#[derive(Clone)]
pub struct RunQuery {
    pub signs: Arc<Everywhere>,
    pub run: Vec<char>,
}

impl fmt::Debug for RunQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunQuery").field(&self.run).finish()
    }
}

impl Query for RunQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let worth = [(Part::Head, IN_HEAD), (Part::Body, 1.0)];
        let weights = worth.map(|(part, boost)| self.signs.weight(part, &self.run).boost_by(boost));
        Ok(Box::new(RunWeight { query: self.clone(), weights }))
    }
}

struct RunWeight {
    query: RunQuery,
    /// Of the parts.
    weights: [Bm25Weight; 2],
}

impl Weight for RunWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(signs) = self.query.signs.of(reader.segment_id()) else { return Ok(Box::new(EmptyScorer)) };
        let found = |part| {
            let matches = signs.find(part, &self.query.run)?;
            Some(Found { matches, part, weight: self.weights[part as usize].boost_by(boost) })
        };
        let parts: Vec<Found> = Part::ALL.into_iter().filter_map(found).collect();
        let mut scorer = RunScorer { signs: signs.clone(), parts, doc: TERMINATED };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("a run of signs", scorer.score()))
    }
}

/// What is found in a part.
struct Found {
    matches: Matches,
    part: Part,
    weight: Bm25Weight,
}

/// Either part or both.
struct RunScorer {
    signs: Arc<Reader>,
    parts: Vec<Found>,
    /// The first document that either is at.
    doc: DocId,
}

impl RunScorer {
    fn settle(&mut self) -> DocId {
        self.doc = self.parts.iter().map(|found| found.matches.doc()).min().unwrap_or(TERMINATED);
        self.doc
    }
}

impl DocSet for RunScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        for found in &mut self.parts {
            if found.matches.doc() == self.doc {
                found.matches.advance();
            }
        }
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for found in &mut self.parts {
            if found.matches.doc() < target {
                found.matches.seek(target);
            }
        }
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.parts.iter().map(|found| found.matches.size_hint()).max().unwrap_or(0)
    }
}

impl Scorer for RunScorer {
    fn score(&mut self) -> Score {
        let here = self.parts.iter().filter(|found| found.matches.doc() == self.doc);
        here.map(|found| found.weight.score(self.signs.norm(found.part, self.doc), found.matches.here())).sum()
    }
}
