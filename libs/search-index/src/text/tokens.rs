//! tantivy's tokenizer for words.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::{
    scan::Scanner,
    stem::{STEM_MARK, StemCache},
};

/// The name of [`TextTokenizer`] in the schema.
pub const TOKENIZER: &str = "fenz_text";

/// Yields words and their stems; CJK characters are indexed by `cjk_bigrams`. A
/// stem is a token with a prefix, and only there where it differs from its word,
/// so that exact matches can score higher than inflected ones.
#[derive(Clone, Default)]
pub struct TextTokenizer {
    stems: StemCache,
}

impl Tokenizer for TextTokenizer {
    type TokenStream<'a> = Tokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens<'a> {
        let token = Token { position: 0, ..Token::default() };
        Tokens { scanner: Scanner::new(text), stems: &mut self.stems, token, next_position: 0, stem: String::new() }
    }
}

pub struct Tokens<'a> {
    scanner: Scanner<'a>,
    stems: &'a mut StemCache,
    token: Token,
    next_position: usize,
    /// The next token, at the position of its word.
    stem: String,
}

impl TokenStream for Tokens<'_> {
    fn advance(&mut self) -> bool {
        if !self.stem.is_empty() {
            std::mem::swap(&mut self.token.text, &mut self.stem);
            self.stem.clear();
            return true;
        }
        let lexeme = loop {
            let Some(lexeme) = self.scanner.next(&mut self.token.text) else { return false };
            if !lexeme.is_cjk {
                break lexeme;
            }
        };
        self.token.position = self.next_position;
        self.next_position += 1;
        (self.token.offset_from, self.token.offset_to) = (lexeme.start, lexeme.end);
        if let Some(stem) = self.stems.stem(&self.token.text) {
            self.stem.push(STEM_MARK);
            self.stem.push_str(stem);
        }
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(mut stream: impl TokenStream) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        while stream.advance() {
            found.push((stream.token().text.clone(), stream.token().position));
        }
        found
    }

    #[test]
    fn stems_follow_at_the_position_of_their_word() {
        let found = tokens(TextTokenizer::default().token_stream("Cooking 台北 rice"));
        let expected = [("cooking", 0), ("\u{1}cook", 0), ("rice", 1)];
        assert_eq!(found, expected.map(|(text, position)| (text.to_owned(), position)));
    }
}
