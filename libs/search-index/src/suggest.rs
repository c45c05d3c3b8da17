//! What a query could become.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::{
    DocAddress, DocSet, SegmentReader, TERMINATED, TantivyDocument, Term,
    postings::SegmentPostings,
    schema::{IndexRecordOption, Value},
};

use crate::{
    query::dictionary,
    schema::{Fields, KEY_END, LONGEST_START, title_key},
    snapshot::{Extras, Snapshot, first_alive},
    text::scan::folded,
};

const MOST: usize = 10;

/// Tags among them.
const MOST_TAGS: usize = 3;

/// Videos looked at for a long beginning, in alphabetical order, and for a
/// short one, in each segment: a bound on the time.
const LOOKED_AT: usize = 4_000;
const VIDEOS_LOOKED_AT: usize = 200_000;

/// Videos kept while looking: some titles are doubles, and only so much of a
/// title is sorted.
const KEPT: usize = 100;

/// Names of tags and titles that begin so, those of the most videos and views
/// first.
pub fn suggest(snapshot: &Snapshot, fields: &Fields, beginning: &str) -> tantivy::Result<Vec<String>> {
    let prefix = folded(beginning);
    if prefix.is_empty() {
        return Ok(Vec::new());
    }
    let mut suggestions = tags(snapshot, fields, &prefix)?;
    let mut taken: Vec<String> = suggestions.iter().map(|name| folded(name)).collect();
    for address in titles(snapshot, fields, &prefix)? {
        if suggestions.len() == MOST {
            break;
        }
        let doc: TantivyDocument = snapshot.searcher.doc(address)?;
        let title = doc.get_first(fields.title).and_then(|title| title.as_str()).unwrap_or_default();
        let key = folded(title);
        if key.starts_with(&prefix) && !taken.contains(&key) {
            taken.push(key);
            suggestions.push(title.to_owned());
        }
    }
    Ok(suggestions)
}

fn tags(snapshot: &Snapshot, fields: &Fields, prefix: &str) -> tantivy::Result<Vec<String>> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for reader in snapshot.searcher.segment_readers() {
        let index = reader.inverted_index(fields.tag_key)?;
        let mut stream = dictionary::words_from(index.terms(), prefix)?;
        let mut looked_at = 0;
        while let Some((key, info)) = stream.next() {
            looked_at += 1;
            if looked_at > LOOKED_AT {
                break;
            }
            let postings = index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            let name = std::str::from_utf8(key).ok().and_then(|key| key.split_once(KEY_END));
            let Some((_, name)) = name.filter(|_| first_alive(reader, postings).is_some()) else { continue };
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += u64::from(info.doc_freq),
                None => found.push((name.to_owned(), u64::from(info.doc_freq))),
            }
        }
    }
    found.sort_by_key(|(_, count)| Reverse(*count));
    Ok(found.into_iter().take(MOST_TAGS).map(|(name, _)| name).collect())
}

/// Videos whose titles begin so, or nearly so where that is long; the most
/// viewed first.
fn titles(snapshot: &Snapshot, fields: &Fields, prefix: &str) -> tantivy::Result<Vec<DocAddress>> {
    let mut best = Best::default();
    let is_short = prefix.chars().count() <= LONGEST_START;
    for (at, reader) in snapshot.searcher.segment_readers().iter().enumerate() {
        let mut segment = Segment { at, reader, views: &snapshot.extras[at], best: &mut best };
        if is_short {
            let term = Term::from_field_text(fields.start, prefix);
            let index = reader.inverted_index(fields.start)?;
            if let Some(postings) = index.read_postings(&term, IndexRecordOption::Basic)? {
                segment.offer(postings, VIDEOS_LOOKED_AT);
            }
            continue;
        }
        let index = reader.inverted_index(fields.title_key)?;
        let mut stream = dictionary::words_from(index.terms(), title_key(prefix))?;
        let mut left = LOOKED_AT;
        while let Some((_, info)) = stream.next() {
            left -= segment.offer(index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?, left);
            if left == 0 {
                break;
            }
        }
    }
    let mut best = best.0.into_vec();
    best.sort_unstable();
    Ok(best.into_iter().map(|Reverse((_, address))| address).collect())
}

struct Segment<'a> {
    at: usize,
    reader: &'a SegmentReader,
    views: &'a Extras,
    best: &'a mut Best,
}

impl Segment<'_> {
    /// Offers so many of these at most; how many it were.
    fn offer(&mut self, mut postings: SegmentPostings, most: usize) -> usize {
        let (mut doc, mut offered) = (postings.doc(), 0);
        while doc != TERMINATED && offered < most {
            let address = DocAddress::new(self.at as u32, doc);
            self.best.offer(self.views.views(doc), address, || !self.reader.is_deleted(doc));
            doc = postings.advance();
            offered += 1;
        }
        offered
    }
}

/// The most viewed so far.
#[derive(Default)]
struct Best(BinaryHeap<Reverse<(u64, DocAddress)>>);

impl Best {
    fn offer(&mut self, views: u64, address: DocAddress, is_alive: impl Fn() -> bool) {
        let is_full = self.0.len() >= KEPT;
        if is_full && self.0.peek().is_some_and(|last| views <= last.0.0) || !is_alive() {
            return;
        }
        self.0.push(Reverse((views, address)));
        if is_full {
            self.0.pop();
        }
    }
}
