//! Suggests completions of a query.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::{
    DocAddress, DocId, DocSet, SegmentReader, TERMINATED, TantivyDocument, Term,
    postings::SegmentPostings,
    schema::{IndexRecordOption, Value},
};

use crate::{
    cjk_bigrams::{Matches, Part},
    query::{
        clause::{Clause, clauses},
        dictionary,
    },
    schema::{Fields, KEY_END, MAX_TITLE_PREFIX},
    snapshot::{SegmentData, Snapshot, first_alive},
    text::scan::folded,
};

const MAX_SUGGESTIONS: usize = 10;

/// Tags among them.
const MAX_TAGS: usize = 3;

/// Tag names and videos read per segment: bounds the latency.
const MAX_SCANNED_TAGS: usize = 4_000;
const MAX_SCANNED_VIDEOS: usize = 200_000;

/// Words that the last one is completed to.
const MAX_COMPLETIONS: usize = 64;

/// Videos kept before titles are compared: some titles are duplicates, and some
/// have the words of a long prefix in another order.
const MAX_CANDIDATES: usize = 100;

/// Tag names and titles with a prefix, those of the most videos and views first.
pub fn suggest(snapshot: &Snapshot, fields: &Fields, typed: &str) -> tantivy::Result<Vec<String>> {
    let prefix = folded(typed);
    if prefix.is_empty() {
        return Ok(Vec::new());
    }
    let mut suggestions = tags(snapshot, fields, &prefix)?;
    let mut keys: Vec<String> = suggestions.iter().map(|name| folded(name)).collect();
    for address in titles(snapshot, fields, typed, &prefix)? {
        if suggestions.len() == MAX_SUGGESTIONS {
            break;
        }
        let doc: TantivyDocument = snapshot.searcher.doc(address)?;
        let title = doc.get_first(fields.title).and_then(|title| title.as_str()).unwrap_or_default();
        let key = folded(title);
        if key.starts_with(&prefix) && !keys.contains(&key) {
            keys.push(key);
            suggestions.push(title.to_owned());
        }
    }
    Ok(suggestions)
}

fn tags(snapshot: &Snapshot, fields: &Fields, prefix: &str) -> tantivy::Result<Vec<String>> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for reader in snapshot.searcher.segment_readers() {
        let index = reader.inverted_index(fields.tag_key)?;
        let (mut stream, mut scanned) = (dictionary::stream_prefix(index.terms(), prefix)?, 0);
        while scanned < MAX_SCANNED_TAGS
            && let Some((key, info)) = stream.next()
        {
            scanned += 1;
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
    Ok(found.into_iter().take(MAX_TAGS).map(|(name, _)| name).collect())
}

/// The most viewed videos whose titles have the prefix; for a long prefix, those
/// that have its words.
fn titles(snapshot: &Snapshot, fields: &Fields, typed: &str, prefix: &str) -> tantivy::Result<Vec<DocAddress>> {
    let mut top = TopVideos::default();
    let indexed = prefix.char_indices().nth(MAX_TITLE_PREFIX).map_or(prefix, |(end, _)| &prefix[..end]);
    let TitleQuery { mut terms, runs, last } =
        if indexed == prefix { TitleQuery::default() } else { TitleQuery::parse(fields, typed) };
    terms.push(Term::from_field_text(fields.title_prefix, indexed));
    for (at, reader) in snapshot.searcher.segment_readers().iter().enumerate() {
        let mut required = Vec::with_capacity(terms.len() + 1);
        for term in &terms {
            let postings = reader.inverted_index(term.field())?.read_postings(term, IndexRecordOption::Basic)?;
            required.extend(postings.map(TitleMatches::Term));
        }
        if let Some(bigrams) = snapshot.bigrams.segment(reader.segment_id()) {
            required.extend(runs.iter().filter_map(|run| bigrams.find(Part::Head, run)).map(TitleMatches::Run));
        }
        if required.len() < terms.len() + runs.len() {
            continue;
        }
        let mut segment = SegmentScan { at, reader, data: &snapshot.segments[at], top: &mut top };
        match completions(reader, fields, last.as_deref())? {
            None => segment.offer(required),
            Some(completions) => {
                for completion in completions {
                    segment.offer(required.iter().cloned().chain([TitleMatches::Term(completion)]).collect());
                }
            }
        }
    }
    let mut top = top.0.into_vec();
    top.sort_unstable();
    Ok(top.into_iter().map(|Reverse((_, address))| address).collect())
}

/// What a title with a long prefix contains.
#[derive(Default)]
struct TitleQuery {
    terms: Vec<Term>,
    /// Runs of CJK characters.
    runs: Vec<Vec<char>>,
    /// The last word, which may be incomplete.
    last: Option<String>,
}

impl TitleQuery {
    fn parse(fields: &Fields, typed: &str) -> Self {
        let mut query = Self::default();
        let mut clauses = clauses(typed);
        if let Some(Clause::Word(word)) = clauses.pop_if(|clause| matches!(clause, Clause::Word(_))) {
            query.last = Some(word.text);
        }
        for clause in clauses {
            match clause {
                Clause::Word(word) => query.terms.push(Term::from_field_text(fields.head, &word.text)),
                Clause::Run(run) => query.runs.push(run),
            }
        }
        query
    }
}

/// Postings of the words with a prefix; none without a prefix, or if too many
/// words have it for it to be selective.
fn completions(
    reader: &SegmentReader,
    fields: &Fields,
    prefix: Option<&str>,
) -> tantivy::Result<Option<Vec<SegmentPostings>>> {
    let Some(prefix) = prefix else { return Ok(None) };
    let index = reader.inverted_index(fields.head)?;
    let (mut stream, mut found) = (dictionary::stream_prefix(index.terms(), prefix)?, Vec::new());
    while let Some((_, info)) = stream.next() {
        if found.len() == MAX_COMPLETIONS {
            return Ok(None);
        }
        found.push(index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?);
    }
    Ok(Some(found))
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "few at a time, for as long as a suggestion takes")]
enum TitleMatches {
    Term(SegmentPostings),
    Run(Matches),
}

impl TitleMatches {
    fn count(&self) -> u32 {
        match self {
            Self::Term(postings) => postings.doc_freq(),
            Self::Run(matches) => matches.size_hint(),
        }
    }

    fn doc(&self) -> DocId {
        match self {
            Self::Term(postings) => postings.doc(),
            Self::Run(matches) => matches.doc(),
        }
    }

    fn advance(&mut self) -> DocId {
        match self {
            Self::Term(postings) => postings.advance(),
            Self::Run(matches) => matches.advance(),
        }
    }

    /// Unlike [`DocSet::seek`], accepts a target before the current document.
    fn seek(&mut self, target: DocId) -> DocId {
        match self {
            matches if matches.doc() >= target => matches.doc(),
            Self::Term(postings) => postings.seek(target),
            Self::Run(matches) => matches.seek(target),
        }
    }
}

struct SegmentScan<'a> {
    at: usize,
    reader: &'a SegmentReader,
    data: &'a SegmentData,
    top: &'a mut TopVideos,
}

impl SegmentScan<'_> {
    /// Offers the documents that match all of these.
    fn offer(&mut self, mut required: Vec<TitleMatches>) {
        required.sort_by_key(TitleMatches::count);
        let Some((rarest, others)) = required.split_first_mut() else { return };
        let (mut doc, mut scanned) = (rarest.doc(), 0);
        while doc != TERMINATED && scanned < MAX_SCANNED_VIDEOS {
            scanned += 1;
            let mismatch = others.iter_mut().map(|other| other.seek(doc)).find(|found| *found != doc);
            if let Some(next) = mismatch {
                doc = rarest.seek(next);
                continue;
            }
            let address = DocAddress::new(self.at as u32, doc);
            self.top.offer(self.data.views(doc), address, || !self.reader.is_deleted(doc));
            doc = rarest.advance();
        }
    }
}

/// The most viewed videos so far.
#[derive(Default)]
struct TopVideos(BinaryHeap<Reverse<(u64, DocAddress)>>);

impl TopVideos {
    fn offer(&mut self, views: u64, address: DocAddress, is_alive: impl Fn() -> bool) {
        let is_full = self.0.len() >= MAX_CANDIDATES;
        if is_full && self.0.peek().is_some_and(|last| views <= last.0.0) || !is_alive() {
            return;
        }
        self.0.push(Reverse((views, address)));
        if is_full {
            self.0.pop();
        }
    }
}
