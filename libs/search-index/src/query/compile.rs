//! From units and filters to a query of tantivy's.

use std::sync::Arc;

use tantivy::{
    Term,
    query::{AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, PhraseQuery, Query, TermQuery, TermSetQuery},
    schema::{Field, IndexRecordOption},
};

use super::{
    Filters,
    alike::{Alike, AnyAlike},
    any::AnyOf,
    dictionary,
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
const IN_HEAD: f32 = 3.0;

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
                Unit::Run(run) => self.count_run(run)?,
            };
            if count < most {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// In how many videos the rarest part of a run is.
    fn count_run(&self, run: &[String]) -> tantivy::Result<u64> {
        if let [sign] = run {
            return dictionary::count(&self.snapshot.searcher, self.fields.words(), sign);
        }
        let fields = [self.fields.head_pairs, self.fields.body_pairs];
        let mut rarest = u64::MAX;
        for (_, pair) in pairs(run) {
            rarest = rarest.min(dictionary::count(&self.snapshot.searcher, fields, &pair)?);
        }
        Ok(rarest)
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

    fn run(&self, run: &[String], marker: &mut Marker) -> Vec<Box<dyn Query>> {
        let fields = self.fields;
        marker.run(run);
        if let [sign] = run {
            return vec![one(fields.head, sign, IN_HEAD), one(fields.body, sign, 1.0)];
        }
        let pairs = pairs(run);
        vec![phrase(fields.head_pairs, &pairs, IN_HEAD), phrase(fields.body_pairs, &pairs, 1.0)]
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

fn phrase(field: Field, pairs: &[(usize, String)], weight: f32) -> Box<dyn Query> {
    if let [(_, pair)] = pairs {
        return one(field, pair, weight);
    }
    let terms = pairs.iter().map(|(at, pair)| (*at, Term::from_field_text(field, pair))).collect();
    Box::new(BoostQuery::new(Box::new(PhraseQuery::new_with_offset(terms)), weight))
}

/// The pairs that cover a run of two signs or more, and where they end.
fn pairs(run: &[String]) -> Vec<(usize, String)> {
    let last = run.len() - 1;
    let ends = (1..=last).filter(|at| at % 2 == 1 || *at == last);
    ends.map(|at| (at, format!("{}{}", run[at - 1], run[at]))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn pairs_cover_a_run() {
        let terms = |run: &str| {
            let run: Vec<String> = run.chars().map(String::from).collect();
            super::pairs(&run)
        };
        let expected = |terms: &[(usize, &str)]| -> Vec<(usize, String)> {
            terms.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
        };
        assert_eq!(terms("台北"), expected(&[(1, "台北")]));
        assert_eq!(terms("台北夜"), expected(&[(1, "台北"), (2, "北夜")]));
        assert_eq!(terms("台北夜市"), expected(&[(1, "台北"), (3, "夜市")]));
        assert_eq!(terms("台北夜市美"), expected(&[(1, "台北"), (3, "夜市"), (4, "市美")]));
    }
}
