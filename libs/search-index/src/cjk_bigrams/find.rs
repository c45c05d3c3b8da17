//! Finds the documents of a segment that have a run of CJK characters.

use std::sync::Arc;

use tantivy::{DocId, DocSet, TERMINATED};

use super::{
    Bigram, Part,
    read::{Postings, Reader},
};

impl Reader {
    /// Upper bound of the number of documents that have a run.
    pub fn run_doc_freq(self: &Arc<Self>, part: Part, run: &[char]) -> u64 {
        bigrams(part, run).map(|(_, bigram)| self.doc_freq(bigram)).min().unwrap_or(0)
    }

    /// The documents that have a run; none if a bigram of it does not occur.
    pub fn find(self: &Arc<Self>, part: Part, run: &[char]) -> Option<Matches> {
        let mut found = Vec::new();
        for (offset, bigram) in bigrams(part, run) {
            found.push(PhraseBigram { offset: offset as u32, postings: self.postings(bigram)? });
        }
        let rarest = found.iter().enumerate().min_by_key(|(_, bigram)| bigram.postings.size_hint())?.0;
        let rarest = found.swap_remove(rarest);
        if found.is_empty() {
            return Some(Matches::Bigram(rarest.postings));
        }
        let (starts, positions) = (Vec::new(), Vec::new());
        let mut phrase = Phrase { rarest, others: found, term_freq: 0, starts, positions };
        phrase.advance_to_match();
        Some(Matches::Phrase(phrase))
    }
}

/// The bigrams that cover a run, with their offsets; the unigram of a run of one
/// character.
fn bigrams(part: Part, run: &[char]) -> impl Iterator<Item = (usize, Bigram)> + '_ {
    let last = run.len().saturating_sub(2);
    let offsets = (0..=last).filter(move |at| at % 2 == 0 || *at == last);
    offsets.filter_map(move |at| Some((at, Bigram::new(part, *run.get(at)?, run.get(at + 1).copied()))))
}

/// The documents that have a run.
#[derive(Clone)]
pub enum Matches {
    Bigram(Postings),
    Phrase(Phrase),
}

impl Matches {
    /// Occurrences in the current document.
    pub fn term_freq(&self) -> u32 {
        match self {
            Self::Bigram(postings) => postings.term_freq(),
            Self::Phrase(phrase) => phrase.term_freq,
        }
    }
}

impl DocSet for Matches {
    fn advance(&mut self) -> DocId {
        match self {
            Self::Bigram(postings) => postings.advance(),
            Self::Phrase(phrase) => {
                phrase.rarest.postings.advance();
                phrase.advance_to_match()
            }
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        match self {
            Self::Bigram(postings) => postings.seek(target),
            Self::Phrase(phrase) if phrase.doc() < target => {
                phrase.rarest.postings.seek(target);
                phrase.advance_to_match()
            }
            Self::Phrase(phrase) => phrase.doc(),
        }
    }

    fn doc(&self) -> DocId {
        match self {
            Self::Bigram(postings) => postings.doc(),
            Self::Phrase(phrase) => phrase.doc(),
        }
    }

    fn size_hint(&self) -> u32 {
        match self {
            Self::Bigram(postings) => postings.size_hint(),
            Self::Phrase(phrase) => phrase.rarest.postings.size_hint(),
        }
    }
}

/// Bigrams at the same distances as in a run.
#[derive(Clone)]
pub struct Phrase {
    rarest: PhraseBigram,
    others: Vec<PhraseBigram>,
    /// Occurrences in the current document.
    term_freq: u32,
    /// Buffers: positions of the rarest bigram and of another one.
    starts: Vec<u32>,
    positions: Vec<u32>,
}

#[derive(Clone)]
struct PhraseBigram {
    /// In the run.
    offset: u32,
    postings: Postings,
}

impl Phrase {
    fn doc(&self) -> DocId {
        self.rarest.postings.doc()
    }

    /// Advances to a document that has the run; stays if the current one has it.
    fn advance_to_match(&mut self) -> DocId {
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
                let is_aligned = |start: &u32| {
                    let expected = (start + other.offset).checked_sub(self.rarest.offset);
                    expected.is_some_and(|expected| self.positions.binary_search(&expected).is_ok())
                };
                self.starts.retain(is_aligned);
            }
            self.term_freq = self.starts.len() as u32;
            if self.term_freq > 0 {
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
    fn bigrams_cover_a_run() {
        let offsets = |run: &str| {
            let run: Vec<char> = run.chars().collect();
            bigrams(Part::Head, &run).map(|(at, _)| at).collect::<Vec<_>>()
        };
        assert_eq!(offsets("台"), [0]);
        assert_eq!(offsets("台北"), [0]);
        assert_eq!(offsets("台北夜"), [0, 1]);
        assert_eq!(offsets("台北夜市"), [0, 2]);
        assert_eq!(offsets("台北夜市美"), [0, 2, 3]);
        assert_eq!(offsets(""), [0; 0]);
    }
}
