//! Signs, each with the one that stands right behind it.

use super::scan::Scanner;

/// A sign of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    pub letter: char,
    /// None behind the last one of a run.
    pub next: Option<char>,
    /// Counts the signs; one is left out where a run ends, so that what stands
    /// apart is no phrase.
    pub position: u32,
}

/// Walks over the signs of a text.
pub struct Signs<'a> {
    scanner: Scanner<'a>,
    folded: String,
    /// The last one, of which is not known yet what follows it.
    open: Option<Sign>,
    position: u32,
}

impl<'a> Signs<'a> {
    pub fn new(text: &'a str, position: u32) -> Self {
        Self { scanner: Scanner::new(text), folded: String::new(), open: None, position }
    }

    /// Where another text of the same video may begin.
    pub fn end(&self) -> u32 {
        self.position + 1
    }
}

impl Iterator for Signs<'_> {
    type Item = Sign;

    fn next(&mut self) -> Option<Sign> {
        loop {
            let Some(piece) = self.scanner.next(&mut self.folded) else { return self.open.take() };
            let letter = if piece.is_sign { self.folded.chars().next() } else { None };
            let before = self.open.take();
            if let Some(letter) = letter {
                self.position += if piece.joined { 1 } else { 2 };
                self.open = Some(Sign { letter, next: None, position: self.position });
            }
            if let Some(before) = before {
                return Some(Sign { next: letter.filter(|_| piece.joined), ..before });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold::{Script, fold, script};

    #[test]
    fn signs_know_what_follows_them() {
        let found: Vec<(String, u32)> = Signs::new("Cooking 台北夜 市，美食a", 0)
            .map(|sign| ([Some(sign.letter), sign.next].into_iter().flatten().collect(), sign.position))
            .collect();
        let expected = [("台北", 2), ("北夜", 3), ("夜", 4), ("市", 6), ("美食", 8), ("食", 9)];
        assert_eq!(found, expected.map(|(text, position)| (text.to_owned(), position)));
    }

    #[test]
    fn every_sign_is_one_letter() {
        for c in (0..=0x3_ffff).filter_map(char::from_u32).filter(|c| script(*c) == Script::Sign) {
            let mut folded = String::new();
            fold(c, Script::Sign, &mut folded);
            assert_eq!(folded.chars().count(), 1, "{c}");
        }
    }
}
