//! Corrects the spelling of a query without hits.

use tantivy::Searcher;

use crate::{
    query::{clause::MAX_CLAUSES, dictionary},
    schema::Fields,
    text::scan::Scanner,
};

/// Corrections found per word; the most frequent is taken.
const MAX_CANDIDATES: usize = 8;

/// Shorter words have too many neighbours.
const MIN_CHARS: usize = 3;
/// The search time grows with the length, and longer words are rarely misspelled
/// ones.
const MAX_CHARS: usize = 32;

/// The query with each unknown word replaced by the nearest and most frequent known
/// one; none if nothing is replaced.
pub fn correct(searcher: &Searcher, fields: &Fields, text: &str) -> tantivy::Result<Option<String>> {
    let (mut scanner, mut folded) = (Scanner::new(text), String::new());
    let (mut corrected, mut end, mut is_changed) = (String::new(), 0, false);
    let mut left = MAX_CLAUSES;
    while let Some(lexeme) = scanner.next(&mut folded) {
        corrected.push_str(&text[end..lexeme.start]);
        end = lexeme.end;
        let chars = folded.chars().count();
        // As many as a search reads: each costs a scan of the dictionaries.
        let is_kept = lexeme.is_cjk || !(MIN_CHARS..=MAX_CHARS).contains(&chars) || left == 0;
        if is_kept || dictionary::doc_freq(searcher, fields.words(), &folded)? > 0 {
            corrected.push_str(&text[lexeme.start..lexeme.end]);
            continue;
        }
        left -= 1;
        if let Some(word) = nearest(searcher, fields, &folded)? {
            corrected.push_str(&word);
            is_changed = true;
        } else {
            corrected.push_str(&text[lexeme.start..lexeme.end]);
        }
    }
    corrected.push_str(&text[end..]);
    Ok(is_changed.then_some(corrected))
}

fn nearest(searcher: &Searcher, fields: &Fields, word: &str) -> tantivy::Result<Option<String>> {
    // Two typos turn a short word into almost any other.
    let max_distance = if word.chars().count() < 4 { 1 } else { 2 };
    for distance in 1..=max_distance {
        let found = dictionary::fuzzy(searcher, fields.words(), word, distance, MAX_CANDIDATES)?;
        if let Some((word, _)) = found.into_iter().next() {
            return Ok(Some(word));
        }
    }
    Ok(None)
}
