//! What a query could become.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::{
    DocAddress, DocId, DocSet, SegmentReader, TERMINATED, TantivyDocument, Term,
    postings::SegmentPostings,
    schema::{IndexRecordOption, Value},
};

use crate::{
    query::{
        dictionary,
        units::{self, Unit},
    },
    schema::{Fields, KEY_END, LONGEST_START},
    signs::{Matches, Part},
    snapshot::{Extras, Snapshot, first_alive},
    text::scan::folded,
};

const MOST: usize = 10;

/// Tags among them.
const MOST_TAGS: usize = 3;

/// Names of tags and videos looked at in each segment: a bound on the time.
const LOOKED_AT: usize = 4_000;
const VIDEOS_LOOKED_AT: usize = 200_000;

/// Words that the last one may become.
const MOST_ENDINGS: usize = 64;

/// Videos kept while looking: some titles are doubles, and some have the words
/// of a long beginning in another order.
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
    for address in titles(snapshot, fields, beginning, &prefix)? {
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
fn titles(snapshot: &Snapshot, fields: &Fields, beginning: &str, prefix: &str) -> tantivy::Result<Vec<DocAddress>> {
    let mut best = Best::default();
    let short = prefix.char_indices().nth(LONGEST_START).map_or(prefix, |(end, _)| &prefix[..end]);
    let Pieces { mut wanted, runs, last } =
        if short == prefix { Pieces::default() } else { Pieces::of(fields, beginning) };
    wanted.push(Term::from_field_text(fields.start, short));
    for (at, reader) in snapshot.searcher.segment_readers().iter().enumerate() {
        let mut all = Vec::with_capacity(wanted.len() + 1);
        for term in &wanted {
            let postings = reader.inverted_index(term.field())?.read_postings(term, IndexRecordOption::Basic)?;
            all.extend(postings.map(Places::Word));
        }
        if let Some(signs) = snapshot.signs.of(reader.segment_id()) {
            all.extend(runs.iter().filter_map(|run| signs.find(Part::Head, run)).map(Places::Run));
        }
        if all.len() < wanted.len() + runs.len() {
            continue;
        }
        let mut segment = Segment { at, reader, views: &snapshot.extras[at], best: &mut best };
        match endings(reader, fields, last.as_deref())? {
            None => segment.offer(all),
            Some(endings) => {
                for ending in endings {
                    segment.offer(all.iter().cloned().chain([Places::Word(ending)]).collect());
                }
            }
        }
    }
    let mut best = best.0.into_vec();
    best.sort_unstable();
    Ok(best.into_iter().map(|Reverse((_, address))| address).collect())
}

/// What a title with a beginning has.
#[derive(Default)]
struct Pieces {
    /// Its words.
    wanted: Vec<Term>,
    /// Its signs, where several stand together.
    runs: Vec<Vec<char>>,
    /// The word that may go on.
    last: Option<String>,
}

impl Pieces {
    fn of(fields: &Fields, beginning: &str) -> Self {
        let mut pieces = Self::default();
        let mut units = units::units(beginning);
        if let Some(Unit::Word(word)) = units.pop_if(|unit| matches!(unit, Unit::Word(_))) {
            pieces.last = Some(word.text);
        }
        for unit in units {
            match unit {
                Unit::Word(word) => pieces.wanted.push(Term::from_field_text(fields.head, &word.text)),
                Unit::Run(run) => pieces.runs.push(run),
            }
        }
        pieces
    }
}

/// Where the words are that begin so; nothing when there is no word to go on,
/// or too many begin so to tell much.
fn endings(
    reader: &SegmentReader,
    fields: &Fields,
    word: Option<&str>,
) -> tantivy::Result<Option<Vec<SegmentPostings>>> {
    let Some(word) = word else { return Ok(None) };
    let index = reader.inverted_index(fields.head)?;
    let (mut stream, mut found) = (dictionary::words_from(index.terms(), word)?, Vec::new());
    while let Some((_, info)) = stream.next() {
        if found.len() == MOST_ENDINGS {
            return Ok(None);
        }
        found.push(index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?);
    }
    Ok(Some(found))
}

/// Where something is.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "few at a time, for as long as a suggestion takes")]
enum Places {
    Word(SegmentPostings),
    Run(Matches),
}

impl Places {
    fn count(&self) -> u32 {
        match self {
            Self::Word(postings) => postings.doc_freq(),
            Self::Run(matches) => matches.size_hint(),
        }
    }

    fn doc(&self) -> DocId {
        match self {
            Self::Word(postings) => postings.doc(),
            Self::Run(matches) => matches.doc(),
        }
    }

    fn advance(&mut self) -> DocId {
        match self {
            Self::Word(postings) => postings.advance(),
            Self::Run(matches) => matches.advance(),
        }
    }

    /// Stays where it is when that is further.
    fn seek(&mut self, target: DocId) -> DocId {
        match self {
            place if place.doc() >= target => place.doc(),
            Self::Word(postings) => postings.seek(target),
            Self::Run(matches) => matches.seek(target),
        }
    }
}

struct Segment<'a> {
    at: usize,
    reader: &'a SegmentReader,
    views: &'a Extras,
    best: &'a mut Best,
}

impl Segment<'_> {
    /// Offers the documents that are in all of these.
    fn offer(&mut self, mut all: Vec<Places>) {
        all.sort_by_key(Places::count);
        let Some((rarest, others)) = all.split_first_mut() else { return };
        let (mut doc, mut looked_at) = (rarest.doc(), 0);
        while doc != TERMINATED && looked_at < VIDEOS_LOOKED_AT {
            looked_at += 1;
            let missed = others.iter_mut().map(|other| other.seek(doc)).find(|found| *found != doc);
            if let Some(next) = missed {
                doc = rarest.seek(next);
                continue;
            }
            let address = DocAddress::new(self.at as u32, doc);
            self.best.offer(self.views.views(doc), address, || !self.reader.is_deleted(doc));
            doc = rarest.advance();
        }
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
