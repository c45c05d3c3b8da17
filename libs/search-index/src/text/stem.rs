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
    /// No stem where it is the word itself.
    known: HashMap<Box<str>, Option<Box<str>>>,
}

impl Default for Stems {
    fn default() -> Self {
        let analyzer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Self { analyzer, known: HashMap::new() }
    }
}

impl Stems {
    /// The stem of a folded word where it differs from the word.
    pub fn of(&mut self, word: &str) -> Option<&str> {
        if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        if !self.known.contains_key(word) {
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
            let mut stream = self.analyzer.token_stream(word);
            let stem = if stream.advance() { Some(stream.token().text.as_str()) } else { None };
            let stem = stem.filter(|stem| *stem != word).map(Into::into);
            self.known.insert(word.into(), stem);
        }
        self.known.get(word).and_then(Option::as_deref)
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
