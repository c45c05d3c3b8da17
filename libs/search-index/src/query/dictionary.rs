//! Looks up terms in the dictionaries of the index's segments.

use std::{collections::HashMap, io};

use tantivy::{
    Searcher, SegmentReader, Term,
    query::FuzzyTermQuery,
    schema::Field,
    termdict::{TermDictionary, TermStreamer},
};

use crate::text::stem::STEM_MARK;

/// Terms of a segment that are read for one prefix.
const MAX_SCANNED: usize = 20_000;

/// Sorts after all stems.
const AFTER_STEMS: char = '\u{2}';

/// The most frequent terms with a prefix.
pub fn with_prefix(
    searcher: &Searcher,
    fields: [Field; 2],
    prefix: &str,
    limit: usize,
) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found = Counts::default();
    for (reader, field) in segments(searcher, fields) {
        let index = reader.inverted_index(field)?;
        let (mut stream, mut scanned) = (stream_prefix(index.terms(), prefix)?, 0);
        while scanned < MAX_SCANNED
            && let Some((key, info)) = stream.next()
        {
            scanned += 1;
            found.add(key, info.doc_freq);
        }
    }
    Ok(found.most_frequent(limit))
}

/// The most frequent terms within a Levenshtein distance, without the term itself.
pub fn fuzzy(
    searcher: &Searcher,
    fields: [Field; 2],
    term: &str,
    distance: u8,
    limit: usize,
) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found = Counts::default();
    let automaton = FuzzyTermQuery::new(Term::from_field_text(fields[0], term), distance, true).automaton()?;
    // Stems match stems only, words match words.
    let is_stem = term.starts_with(STEM_MARK);
    for (reader, field) in segments(searcher, fields) {
        let index = reader.inverted_index(field)?;
        let (range, border) = (index.terms().search(&automaton), AFTER_STEMS.to_string());
        let mut stream = if is_stem { range.lt(border) } else { range.ge(border) }.into_stream()?;
        while let Some((key, info)) = stream.next() {
            if key != term.as_bytes() {
                found.add(key, info.doc_freq);
            }
        }
    }
    Ok(found.most_frequent(limit))
}

/// Upper bound of the number of documents with a term; those that have it in
/// both fields count twice.
pub fn doc_freq(searcher: &Searcher, fields: [Field; 2], term: &str) -> tantivy::Result<u64> {
    let mut sum = 0;
    for field in fields {
        sum += searcher.doc_freq(&Term::from_field_text(field, term))?;
    }
    Ok(sum)
}

fn segments(searcher: &Searcher, fields: [Field; 2]) -> impl Iterator<Item = (&SegmentReader, Field)> {
    searcher.segment_readers().iter().flat_map(move |reader| fields.map(|field| (reader, field)))
}

#[derive(Default)]
struct Counts(HashMap<Vec<u8>, u64>);

impl Counts {
    fn add(&mut self, key: &[u8], documents: u32) {
        if let Some(count) = self.0.get_mut(key) {
            *count += u64::from(documents);
        } else {
            self.0.insert(key.to_vec(), u64::from(documents));
        }
    }

    fn most_frequent(self, limit: usize) -> Vec<(String, u64)> {
        let mut all: Vec<(Vec<u8>, u64)> = self.0.into_iter().collect();
        all.sort_unstable_by(|(key, count), (other_key, other)| other.cmp(count).then_with(|| key.cmp(other_key)));
        all.truncate(limit);
        all.into_iter().filter_map(|(key, count)| Some((String::from_utf8(key).ok()?, count))).collect()
    }
}

/// The terms of a dictionary with a prefix, in order.
pub fn stream_prefix<'a>(terms: &'a TermDictionary, prefix: &str) -> io::Result<TermStreamer<'a>> {
    let range = terms.range().ge(prefix);
    match prefix_end(prefix) {
        Some(end) => range.lt(end).into_stream(),
        None => range.into_stream(),
    }
}

/// The first key after all that have the prefix.
fn prefix_end(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return Some(end);
        }
        end.pop();
    }
    None
}
