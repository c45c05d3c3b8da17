//! From units and filters to a query of tantivy's.

use std::sync::Arc;

use tantivy::{
    Term,
    query::{AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, Query, TermQuery, TermSetQuery},
    schema::{Field, IndexRecordOption},
};

use super::{
    Filters,
    alike::{Alike, AnyAlike},
    any::AnyOf,
    dictionary,
    run::RunQuery,
    units::{Unit, Word},
};
use crate::{highlight::Marker, schema::Fields, snapshot::Snapshot};

/// A word in this few videos may be a typo.
const RARE: u64 = 10;

/// Words that a beginning or a typo may stand for.
const MOST_ALIKE: usize = 64;

/// What a word that is only alike adds to the score: less than any exact one.
const ALIKE: f32 = 0.01;

/// A unit that is in less than this part of the videos narrows a query.
const NARROW: u64 = 10;

const STEM: f32 = 0.7;
pub const IN_HEAD: f32 = 3.0;

/// A query, and what marks its words in a text.
pub struct Compiled {
    pub query: Box<dyn Query>,
    pub marker: Marker,
}

pub struct Compiler<'a> {
    pub snapshot: &'a Snapshot,
    pub fields: &'a Fields,
}

impl Compiler<'_> {
    /// All of the units, within the filters that are terms.
    pub fn compile(&self, units: &[Unit], filters: &Filters) -> tantivy::Result<Compiled> {
        let mut wanted: Vec<Vec<Box<dyn Query>>> = Vec::new();
        let mut marker = Marker::default();
        for unit in units {
            wanted.push(match unit {
                Unit::Word(word) => self.word(word, &mut marker)?,
                Unit::Run(run) => self.run(run, &mut marker),
            });
        }
        let mut all = self.filters(filters);
        // tantivy's union is the faster one where most of it is needed.
        let is_narrowed = !all.is_empty() || wanted.len() > 1 && self.is_narrow(units)?;
        for any in wanted {
            all.push(if is_narrowed { Box::new(AnyOf(any)) } else { Box::new(BooleanQuery::union(any)) });
        }
        let query: Box<dyn Query> =
            if all.is_empty() { Box::new(AllQuery) } else { Box::new(BooleanQuery::intersection(all)) };
        Ok(Compiled { query, marker })
    }

    /// Whether one of the units leaves but a small part of the videos.
    fn is_narrow(&self, units: &[Unit]) -> tantivy::Result<bool> {
        let most = self.snapshot.searcher.num_docs() / NARROW;
        for unit in units {
            let count = match unit {
                Unit::Word(word) => dictionary::count(&self.snapshot.searcher, self.fields.words(), &word.text)?,
                Unit::Run(run) => self.snapshot.signs.count(run),
            };
            if count < most {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn word(&self, word: &Word, marker: &mut Marker) -> tantivy::Result<Vec<Box<dyn Query>>> {
        let alike = self.alike(word)?;
        let mut forms = vec![(word.text.clone(), 1.0), (word.marked_stem(), STEM)];
        if word.stem != word.text {
            forms.push((word.stem.clone(), STEM));
        }
        let mut any = Vec::new();
        for (at, (field, weight)) in self.fields.words().into_iter().zip([IN_HEAD, 1.0]).enumerate() {
            for (text, form) in &forms {
                any.push(one(field, text, form * weight));
            }
            if !alike.words.is_empty() {
                let set: Box<dyn Query> = Box::new(AnyAlike { alike: alike.clone(), field: at, score: ALIKE * weight });
                any.push(set);
            }
        }
        marker.word(word, &alike.words);
        Ok(any)
    }

    fn run(&self, run: &[char], marker: &mut Marker) -> Vec<Box<dyn Query>> {
        marker.run(run);
        vec![Box::new(RunQuery { signs: self.snapshot.signs.clone(), run: run.to_vec() })]
    }

    /// Words that this one may stand for, being unfinished or mistyped.
    fn alike(&self, word: &Word) -> tantivy::Result<Arc<Alike>> {
        self.snapshot.kin.of(&word.text, word.is_last, || {
            let segments = self.snapshot.searcher.segment_readers();
            Alike::find(segments, self.fields.words(), self.words_alike(word)?)
        })
    }

    fn words_alike(&self, word: &Word) -> tantivy::Result<Vec<String>> {
        let (searcher, all) = (&self.snapshot.searcher, self.fields.words());
        let mut alike = Vec::new();
        if word.is_last {
            alike.extend(dictionary::beginning_with(searcher, all, &word.text, MOST_ALIKE)?);
        }
        if word.forgives() && self.is_rare(word)? {
            alike.extend(dictionary::near(searcher, all, &word.text, 1, MOST_ALIKE)?);
            if word.stem_forgives() {
                alike.extend(dictionary::near(searcher, all, &word.marked_stem(), 1, MOST_ALIKE)?);
            }
        }
        let mut alike: Vec<String> = alike.into_iter().map(|(text, _)| text).collect();
        alike.retain(|text| *text != word.text);
        alike.sort_unstable();
        alike.dedup();
        Ok(alike)
    }

    fn is_rare(&self, word: &Word) -> tantivy::Result<bool> {
        let count = |text: &str| dictionary::count(&self.snapshot.searcher, self.fields.words(), text);
        let inflected = count(&word.marked_stem())? + if word.stem == word.text { 0 } else { count(&word.stem)? };
        Ok(count(&word.text)? + inflected < RARE)
    }

    fn filters(&self, filters: &Filters) -> Vec<Box<dyn Query>> {
        let within = |query: Box<dyn Query>| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(query, 0.0)) };
        let is = |term: Term| -> Box<dyn Query> { Box::new(TermQuery::new(term, IndexRecordOption::Basic)) };
        let fields = self.fields;
        let mut all = Vec::new();
        if let Some(category) = filters.category {
            all.push(within(is(Term::from_field_i64(fields.category, category))));
        }
        if !filters.tags.is_empty() {
            let tags = filters.tags.iter().map(|tag| Term::from_field_i64(fields.tags, *tag));
            all.push(within(Box::new(TermSetQuery::new(tags))));
        }
        if let Some(channel) = filters.channel {
            all.push(within(is(Term::from_field_i64(fields.channel, channel))));
        }
        all
    }
}

fn one(field: Field, text: &str, weight: f32) -> Box<dyn Query> {
    let query = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs);
    Box::new(BoostQuery::new(Box::new(query), weight))
}
