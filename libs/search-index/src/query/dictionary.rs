//! Words near a word, from the dictionaries of the index's segments.

use std::{collections::HashMap, io};

use tantivy::{
    Searcher, SegmentReader, Term,
    query::FuzzyTermQuery,
    schema::Field,
    termdict::{TermDictionary, TermStreamer},
};

use crate::text::stem::STEM_MARK;

/// Words looked at for one beginning.
const LOOKED_AT: usize = 20_000;

/// Behind the stems in the order of the dictionary.
const AFTER_STEMS: char = '\u{2}';

/// The commonest words that begin so.
pub fn beginning_with(
    searcher: &Searcher,
    fields: [Field; 2],
    prefix: &str,
    most: usize,
) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found = Counts::default();
    for (reader, field) in everywhere(searcher, fields) {
        let index = reader.inverted_index(field)?;
        let mut stream = words_from(index.terms(), prefix)?;
        let mut looked_at = 0;
        while let Some((key, info)) = stream.next() {
            looked_at += 1;
            if looked_at > LOOKED_AT {
                break;
            }
            found.add(key, info.doc_freq);
        }
    }
    Ok(found.commonest(most))
}

/// The commonest words at most so many typos away, without the word itself.
pub fn near(
    searcher: &Searcher,
    fields: [Field; 2],
    word: &str,
    distance: u8,
    most: usize,
) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found = Counts::default();
    let automaton = FuzzyTermQuery::new(Term::from_field_text(fields[0], word), distance, true).automaton()?;
    // A word is not near a stem.
    let is_stem = word.starts_with(STEM_MARK);
    for (reader, field) in everywhere(searcher, fields) {
        let index = reader.inverted_index(field)?;
        let (range, border) = (index.terms().search(&automaton), AFTER_STEMS.to_string());
        let mut stream = if is_stem { range.lt(border) } else { range.ge(border) }.into_stream()?;
        while let Some((key, info)) = stream.next() {
            if key != word.as_bytes() {
                found.add(key, info.doc_freq);
            }
        }
    }
    Ok(found.commonest(most))
}

/// In how many videos a word is, roughly: those that have it in both fields
/// count twice.
pub fn count(searcher: &Searcher, fields: [Field; 2], word: &str) -> tantivy::Result<u64> {
    let mut sum = 0;
    for field in fields {
        sum += searcher.doc_freq(&Term::from_field_text(field, word))?;
    }
    Ok(sum)
}

fn everywhere(searcher: &Searcher, fields: [Field; 2]) -> impl Iterator<Item = (&SegmentReader, Field)> {
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

    fn commonest(self, most: usize) -> Vec<(String, u64)> {
        let mut all: Vec<(Vec<u8>, u64)> = self.0.into_iter().collect();
        all.sort_unstable_by(|(key, count), (other_key, other)| other.cmp(count).then_with(|| key.cmp(other_key)));
        all.truncate(most);
        all.into_iter().filter_map(|(key, count)| Some((String::from_utf8(key).ok()?, count))).collect()
    }
}

/// The words of a dictionary that begin so, in order.
pub fn words_from<'a>(terms: &'a TermDictionary, prefix: &str) -> io::Result<TermStreamer<'a>> {
    let range = terms.range().ge(prefix);
    match after(prefix) {
        Some(end) => range.lt(end).into_stream(),
        None => range.into_stream(),
    }
}

/// The first bytes behind everything that begins with `prefix`.
fn after(prefix: &str) -> Option<Vec<u8>> {
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
