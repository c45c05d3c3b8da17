//! English stems, remembered: most words of a text are common ones.

use std::collections::HashMap;

use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, TokenStream};

/// Begins a stem in the dictionary, so that it is not taken for a word.
pub const STEM_MARK: char = '\u{1}';

/// How many words are remembered.
const REMEMBERED: usize = 50_000;

#[derive(Clone)]
pub struct Stems {
    analyzer: TextAnalyzer,
    /// Places in `found`; none where the stem is the word itself.
    known: HashMap<Box<str>, Option<u32>>,
    found: Vec<Box<str>>,
}

impl Default for Stems {
    fn default() -> Self {
        let analyzer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Self { analyzer, known: HashMap::new(), found: Vec::new() }
    }
}

impl Stems {
    /// The stem of a folded word where it differs from the word.
    pub fn of(&mut self, word: &str) -> Option<&str> {
        if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let place = match self.known.get(word) {
            Some(place) => *place,
            None => self.learn(word),
        };
        place.map(|place| &*self.found[place as usize])
    }

    fn learn(&mut self, word: &str) -> Option<u32> {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
            self.found.clear();
        }
        let mut stream = self.analyzer.token_stream(word);
        let stem = if stream.advance() { Some(stream.token().text.as_str()) } else { None };
        let place = stem.filter(|stem| *stem != word).map(|stem| {
            self.found.push(stem.into());
            self.found.len() as u32 - 1
        });
        self.known.insert(word.into(), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_of_english_words() {
        let mut stems = Stems::default();
        assert_eq!(stems.of("running"), Some("run"));
        assert_eq!(stems.of("run"), None);
        assert_eq!(stems.of("2024s"), None);
        assert_eq!(stems.of("running"), Some("run"));
    }
}
