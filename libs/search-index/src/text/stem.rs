//! English stems, cached: most words of a text are common ones.

use std::collections::HashMap;

use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, TokenStream};

/// Prefix of stems in the dictionary, to tell them from words.
pub const STEM_MARK: char = '\u{1}';

const MAX_CACHED: usize = 50_000;

#[derive(Clone)]
pub struct StemCache {
    analyzer: TextAnalyzer,
    /// Indexes in `stems`; none where the stem is the word itself.
    cached: HashMap<Box<str>, Option<u32>>,
    stems: Vec<Box<str>>,
}

impl Default for StemCache {
    fn default() -> Self {
        let analyzer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Self { analyzer, cached: HashMap::new(), stems: Vec::new() }
    }
}

impl StemCache {
    /// The stem of a folded word where it differs from the word.
    pub fn stem(&mut self, word: &str) -> Option<&str> {
        if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let index = match self.cached.get(word) {
            Some(index) => *index,
            None => self.compute(word),
        };
        index.map(|index| &*self.stems[index as usize])
    }

    fn compute(&mut self, word: &str) -> Option<u32> {
        if self.cached.len() >= MAX_CACHED {
            self.cached.clear();
            self.stems.clear();
        }
        let mut stream = self.analyzer.token_stream(word);
        let stem = if stream.advance() { Some(stream.token().text.as_str()) } else { None };
        let index = stem.filter(|stem| *stem != word).map(|stem| {
            self.stems.push(stem.into());
            self.stems.len() as u32 - 1
        });
        self.cached.insert(word.into(), index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_of_english_words() {
        let mut stems = StemCache::default();
        assert_eq!(stems.stem("running"), Some("run"));
        assert_eq!(stems.stem("run"), None);
        assert_eq!(stems.stem("2024s"), None);
        assert_eq!(stems.stem("running"), Some("run"));
    }
}
