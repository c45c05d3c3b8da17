//! Which documents of a segment have a run of signs.

use std::sync::Arc;

use tantivy::{DocId, DocSet, TERMINATED};

use super::{
    Pair, Part,
    read::{Postings, Reader},
};

impl Reader {
    /// In how many documents a run is at most.
    pub fn count_run(self: &Arc<Self>, part: Part, run: &[char]) -> u64 {
        pairs(part, run).map(|(_, pair)| self.count(pair)).min().unwrap_or(0)
    }

    /// The documents that have a run; nothing where that is none.
    pub fn find(self: &Arc<Self>, part: Part, run: &[char]) -> Option<Matches> {
        let mut wanted = Vec::new();
        for (at, pair) in pairs(part, run) {
            wanted.push(Wanted { at: at as u32, postings: self.pair(pair)? });
        }
        let rarest = wanted.iter().enumerate().min_by_key(|(_, wanted)| wanted.postings.size_hint())?.0;
        let rarest = wanted.swap_remove(rarest);
        if wanted.is_empty() {
            return Some(Matches::Pair(rarest.postings));
        }
        let mut phrase = Phrase { rarest, others: wanted, here: 0, starts: Vec::new(), positions: Vec::new() };
        phrase.settle();
        Some(Matches::Phrase(phrase))
    }
}

/// The pairs that cover a run, and where each begins; one sign is alone.
fn pairs(part: Part, run: &[char]) -> impl Iterator<Item = (usize, Pair)> + '_ {
    let last = run.len().saturating_sub(2);
    let places = (0..=last).filter(move |at| at % 2 == 0 || *at == last);
    places.filter_map(move |at| Some((at, Pair::new(part, *run.get(at)?, run.get(at + 1).copied()))))
}

/// The documents that have a run.
#[derive(Clone)]
pub enum Matches {
    Pair(Postings),
    Phrase(Phrase),
}

impl Matches {
    /// How often the document has it.
    pub fn here(&self) -> u32 {
        match self {
            Self::Pair(postings) => postings.here(),
            Self::Phrase(phrase) => phrase.here,
        }
    }
}

impl DocSet for Matches {
    fn advance(&mut self) -> DocId {
        match self {
            Self::Pair(postings) => postings.advance(),
            Self::Phrase(phrase) => {
                phrase.rarest.postings.advance();
                phrase.settle()
            }
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        match self {
            Self::Pair(postings) => postings.seek(target),
            Self::Phrase(phrase) if phrase.doc() < target => {
                phrase.rarest.postings.seek(target);
                phrase.settle()
            }
            Self::Phrase(phrase) => phrase.doc(),
        }
    }

    fn doc(&self) -> DocId {
        match self {
            Self::Pair(postings) => postings.doc(),
            Self::Phrase(phrase) => phrase.doc(),
        }
    }

    fn size_hint(&self) -> u32 {
        match self {
            Self::Pair(postings) => postings.size_hint(),
            Self::Phrase(phrase) => phrase.rarest.postings.size_hint(),
        }
    }
}

/// Pairs that stand as they do in a run.
#[derive(Clone)]
pub struct Phrase {
    rarest: Wanted,
    others: Vec<Wanted>,
    /// How often they do so in the document.
    here: u32,
    /// Where the rarest and another one are, while those are compared.
    starts: Vec<u32>,
    positions: Vec<u32>,
}

#[derive(Clone)]
struct Wanted {
    /// Where in the run it is.
    at: u32,
    postings: Postings,
}

impl Phrase {
    fn doc(&self) -> DocId {
        self.rarest.postings.doc()
    }

    /// Goes on to a document that has the run, unless the one at hand does.
    fn settle(&mut self) -> DocId {
        'documents: while self.doc() != TERMINATED {
            let doc = self.doc();
            for other in &mut self.others {
                let next = if other.postings.doc() < doc { other.postings.seek(doc) } else { other.postings.doc() };
                if next > doc {
                    self.rarest.postings.seek(next);
                    continue 'documents;
                }
            }
            self.rarest.postings.positions(&mut self.starts);
            for other in &mut self.others {
                other.postings.positions(&mut self.positions);
                let is_there = |start: &u32| {
                    let wanted = (start + other.at).checked_sub(self.rarest.at);
                    wanted.is_some_and(|wanted| self.positions.binary_search(&wanted).is_ok())
                };
                self.starts.retain(is_there);
            }
            self.here = self.starts.len() as u32;
            if self.here > 0 {
                break;
            }
            self.rarest.postings.advance();
        }
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_cover_a_run() {
        let places = |run: &str| {
            let run: Vec<char> = run.chars().collect();
            pairs(Part::Head, &run).map(|(at, _)| at).collect::<Vec<_>>()
        };
        assert_eq!(places("台"), [0]);
        assert_eq!(places("台北"), [0]);
        assert_eq!(places("台北夜"), [0, 1]);
        assert_eq!(places("台北夜市"), [0, 2]);
        assert_eq!(places("台北夜市美"), [0, 2, 3]);
        assert_eq!(places(""), [0; 0]);
    }
}
