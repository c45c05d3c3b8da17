//! What a query that finds nothing may have meant.

use tantivy::Searcher;

use crate::{
    query::{dictionary, units},
    schema::Fields,
    text::scan::Scanner,
};

/// Words looked at for one that does not occur.
const LOOKED_AT: usize = 8;

/// Shorter words are near too many.
const SHORTEST: usize = 3;
/// Longer ones nobody means, and each letter more costs.
const LONGEST: usize = 32;

/// The query with each word that does not occur replaced by the nearest and
/// commonest that does; nothing when none is near or all occur.
pub fn correct(searcher: &Searcher, fields: &Fields, text: &str) -> tantivy::Result<Option<String>> {
    let (mut scanner, mut folded) = (Scanner::new(text), String::new());
    let (mut corrected, mut end, mut is_changed) = (String::new(), 0, false);
    let mut left = units::MOST;
    while let Some(piece) = scanner.next(&mut folded) {
        corrected.push_str(&text[end..piece.start]);
        end = piece.end;
        let letters = folded.chars().count();
        // As many as a search looks at: each costs a walk through all words.
        let is_kept = piece.is_sign || !(SHORTEST..=LONGEST).contains(&letters) || left == 0;
        if is_kept || dictionary::count(searcher, fields.words(), &folded)? > 0 {
            corrected.push_str(&text[piece.start..piece.end]);
            continue;
        }
        left -= 1;
        if let Some(word) = nearest(searcher, fields, &folded)? {
            corrected.push_str(&word);
            is_changed = true;
        } else {
            corrected.push_str(&text[piece.start..piece.end]);
        }
    }
    corrected.push_str(&text[end..]);
    Ok(is_changed.then_some(corrected))
}

fn nearest(searcher: &Searcher, fields: &Fields, word: &str) -> tantivy::Result<Option<String>> {
    // Two typos in a short word make any other.
    let furthest = if word.chars().count() < 4 { 1 } else { 2 };
    for distance in 1..=furthest {
        let near = dictionary::near(searcher, fields.words(), word, distance, LOOKED_AT)?;
        if let Some((word, _)) = near.into_iter().next() {
            return Ok(Some(word));
        }
    }
    Ok(None)
}
