//! CJK characters, each with the next one of its run.

use super::scan::Scanner;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CjkChar {
    pub char: char,
    /// None for the last character of a run.
    pub next: Option<char>,
    /// Counts the characters; one position is left out between two runs, so that
    /// no phrase reaches over the gap.
    pub position: u32,
}

/// Iterates over the CJK characters of a text.
pub struct CjkChars<'a> {
    scanner: Scanner<'a>,
    folded: String,
    /// The last one read, whose successor is not known yet.
    pending: Option<CjkChar>,
    position: u32,
}

impl<'a> CjkChars<'a> {
    pub fn new(text: &'a str, position: u32) -> Self {
        Self { scanner: Scanner::new(text), folded: String::new(), pending: None, position }
    }

    /// The start position for another text of the same field.
    pub fn next_position(&self) -> u32 {
        self.position + 1
    }
}

impl Iterator for CjkChars<'_> {
    type Item = CjkChar;

    fn next(&mut self) -> Option<CjkChar> {
        loop {
            let Some(lexeme) = self.scanner.next(&mut self.folded) else { return self.pending.take() };
            let char = if lexeme.is_cjk { self.folded.chars().next() } else { None };
            let before = self.pending.take();
            if let Some(char) = char {
                self.position += if lexeme.continues_run { 1 } else { 2 };
                self.pending = Some(CjkChar { char, next: None, position: self.position });
            }
            if let Some(before) = before {
                return Some(CjkChar { next: char.filter(|_| lexeme.continues_run), ..before });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold::{Script, fold, script};

    #[test]
    fn characters_have_the_next_one_of_their_run() {
        let found: Vec<(String, u32)> = CjkChars::new("Cooking 台北夜 市，美食a", 0)
            .map(|c| ([Some(c.char), c.next].into_iter().flatten().collect(), c.position))
            .collect();
        let expected = [("台北", 2), ("北夜", 3), ("夜", 4), ("市", 6), ("美食", 8), ("食", 9)];
        assert_eq!(found, expected.map(|(text, position)| (text.to_owned(), position)));
    }

    #[test]
    fn every_cjk_character_folds_to_one() {
        for c in (0..=0x3_ffff).filter_map(char::from_u32).filter(|c| script(*c) == Script::Cjk) {
            let mut folded = String::new();
            fold(c, Script::Cjk, &mut folded);
            assert_eq!(folded.chars().count(), 1, "{c}");
        }
    }
}
