//! Translates clauses and filters to a tantivy query.

use std::sync::Arc;

use tantivy::{
    Term,
    query::{AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, Query, TermQuery, TermSetQuery},
    schema::{Field, IndexRecordOption},
};

use super::{
    Filters,
    clause::{Clause, Word},
    dictionary,
    expansion::{Expansion, ExpansionQuery},
    run::RunQuery,
    union::UnbufferedUnion,
};
use crate::{highlight::Marker, schema::Fields, snapshot::Snapshot};

/// A word in fewer videos may be a typo.
const RARE: u64 = 10;

/// Terms that a prefix or a typo is expanded to.
const MAX_EXPANSIONS: usize = 64;

/// Constant score of an expansion: less than that of any exact match.
const EXPANSION_SCORE: f32 = 0.01;

/// A clause is selective if it matches less than this part of the videos.
const SELECTIVE: u64 = 10;

const STEM_BOOST: f32 = 0.7;
pub const HEAD_BOOST: f32 = 3.0;

/// A query, and the highlighter of its words.
pub struct Compiled {
    pub query: Box<dyn Query>,
    pub marker: Marker,
}

pub struct Compiler<'a> {
    pub snapshot: &'a Snapshot,
    pub fields: &'a Fields,
}

impl Compiler<'_> {
    /// Requires all clauses, and the filters on term fields; the others are checked
    /// per hit.
    pub fn compile(&self, clauses: &[Clause], filters: &Filters) -> tantivy::Result<Compiled> {
        let mut required: Vec<Vec<Box<dyn Query>>> = Vec::new();
        let mut marker = Marker::default();
        for clause in clauses {
            required.push(match clause {
                Clause::Word(word) => self.word(word, &mut marker)?,
                Clause::Run(run) => self.run(run, &mut marker),
            });
        }
        let mut all = self.filters(filters);
        // tantivy's union is faster if most of its documents are read.
        let is_selective = !all.is_empty() || required.len() > 1 && self.is_selective(clauses)?;
        for any in required {
            all.push(if is_selective { Box::new(UnbufferedUnion(any)) } else { Box::new(BooleanQuery::union(any)) });
        }
        let query: Box<dyn Query> =
            if all.is_empty() { Box::new(AllQuery) } else { Box::new(BooleanQuery::intersection(all)) };
        Ok(Compiled { query, marker })
    }

    /// Whether one of the clauses matches only a small part of the videos.
    fn is_selective(&self, clauses: &[Clause]) -> tantivy::Result<bool> {
        let limit = self.snapshot.searcher.num_docs() / SELECTIVE;
        for clause in clauses {
            let count = match clause {
                Clause::Word(word) => dictionary::doc_freq(&self.snapshot.searcher, self.fields.words(), &word.text)?,
                Clause::Run(run) => self.snapshot.bigrams.doc_freq(run),
            };
            if count < limit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn word(&self, word: &Word, marker: &mut Marker) -> tantivy::Result<Vec<Box<dyn Query>>> {
        let expansion = self.expansion(word)?;
        let mut forms = vec![(word.text.clone(), 1.0), (word.marked_stem(), STEM_BOOST)];
        if word.stem != word.text {
            forms.push((word.stem.clone(), STEM_BOOST));
        }
        let mut any: Vec<Box<dyn Query>> = Vec::new();
        for (at, (field, boost)) in self.fields.words().into_iter().zip([HEAD_BOOST, 1.0]).enumerate() {
            for (text, form_boost) in &forms {
                any.push(term_query(field, text, form_boost * boost));
            }
            if !expansion.terms.is_empty() {
                let (expansion, score) = (expansion.clone(), EXPANSION_SCORE * boost);
                any.push(Box::new(ExpansionQuery { expansion, field: at, score }));
            }
        }
        marker.word(word, &expansion.terms);
        Ok(any)
    }

    fn run(&self, run: &[char], marker: &mut Marker) -> Vec<Box<dyn Query>> {
        marker.run(run);
        vec![Box::new(RunQuery { bigrams: self.snapshot.bigrams.clone(), run: run.to_vec() })]
    }

    fn expansion(&self, word: &Word) -> tantivy::Result<Arc<Expansion>> {
        self.snapshot.expansions.get_with(&word.text, word.is_last, || {
            let segments = self.snapshot.searcher.segment_readers();
            Expansion::read(segments, self.fields.words(), self.expand(word)?)
        })
    }

    /// The terms that a word may stand for, being incomplete or misspelled.
    fn expand(&self, word: &Word) -> tantivy::Result<Vec<String>> {
        let (searcher, fields) = (&self.snapshot.searcher, self.fields.words());
        let mut found = Vec::new();
        if word.is_last {
            found.extend(dictionary::with_prefix(searcher, fields, &word.text, MAX_EXPANSIONS)?);
        }
        if word.is_fuzzy() && self.is_rare(word)? {
            found.extend(dictionary::fuzzy(searcher, fields, &word.text, 1, MAX_EXPANSIONS)?);
            if word.has_fuzzy_stem() {
                found.extend(dictionary::fuzzy(searcher, fields, &word.marked_stem(), 1, MAX_EXPANSIONS)?);
            }
        }
        let mut terms: Vec<String> = found.into_iter().map(|(text, _)| text).collect();
        terms.retain(|text| *text != word.text);
        terms.sort_unstable();
        terms.dedup();
        Ok(terms)
    }

    fn is_rare(&self, word: &Word) -> tantivy::Result<bool> {
        let doc_freq = |text: &str| dictionary::doc_freq(&self.snapshot.searcher, self.fields.words(), text);
        let inflected = doc_freq(&word.marked_stem())? + if word.stem == word.text { 0 } else { doc_freq(&word.stem)? };
        Ok(doc_freq(&word.text)? + inflected < RARE)
    }

    fn filters(&self, filters: &Filters) -> Vec<Box<dyn Query>> {
        let unscored = |query: Box<dyn Query>| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(query, 0.0)) };
        let term = |term: Term| -> Box<dyn Query> { Box::new(TermQuery::new(term, IndexRecordOption::Basic)) };
        let fields = self.fields;
        let mut all = Vec::new();
        if let Some(category) = filters.category {
            all.push(unscored(term(Term::from_field_i64(fields.category, category))));
        }
        if !filters.tags.is_empty() {
            let tags = filters.tags.iter().map(|tag| Term::from_field_i64(fields.tags, *tag));
            all.push(unscored(Box::new(TermSetQuery::new(tags))));
        }
        if let Some(channel) = filters.channel {
            all.push(unscored(term(Term::from_field_i64(fields.channel, channel))));
        }
        all
    }
}

fn term_query(field: Field, text: &str, boost: f32) -> Box<dyn Query> {
    let query = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs);
    Box::new(BoostQuery::new(Box::new(query), boost))
}
