//! The tokens of a text, as tantivy wants them.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::{
    scan::Scanner,
    stem::{STEM_MARK, Stems},
};

/// The name of [`TextTokenizer`] in the schema.
pub const TEXT: &str = "fenz_text";

/// The name of [`PairTokenizer`] in the schema.
pub const PAIRS: &str = "fenz_pairs";

/// Words, their stems and signs. A stem is a marked token and only there where
/// it differs from its word: exact words can be told from inflected ones.
#[derive(Clone, Default)]
pub struct TextTokenizer {
    stems: Stems,
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
    stems: &'a mut Stems,
    token: Token,
    next_position: usize,
    /// Comes next, at the position of its word.
    stem: String,
}

impl TokenStream for Tokens<'_> {
    fn advance(&mut self) -> bool {
        if !self.stem.is_empty() {
            std::mem::swap(&mut self.token.text, &mut self.stem);
            self.stem.clear();
            return true;
        }
        let Some(piece) = self.scanner.next(&mut self.token.text) else { return false };
        self.token.position = self.next_position;
        self.next_position += 1;
        (self.token.offset_from, self.token.offset_to) = (piece.start, piece.end);
        if !piece.is_sign
            && let Some(stem) = self.stems.of(&self.token.text)
        {
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

/// Pairs of signs that stand together, at the position of the second. Most
/// searched words are two signs: a pair finds them without a look at positions,
/// and longer ones need few of them. They have fields of their own, since the
/// many of them would make looking up words slow.
#[derive(Clone, Default)]
pub struct PairTokenizer;

impl Tokenizer for PairTokenizer {
    type TokenStream<'a> = Pairs<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Pairs<'a> {
        let token = Token { position: 0, ..Token::default() };
        Pairs { scanner: Scanner::new(text), token, sign: String::new(), before: String::new(), position: 0 }
    }
}

pub struct Pairs<'a> {
    scanner: Scanner<'a>,
    token: Token,
    sign: String,
    before: String,
    position: usize,
}

impl TokenStream for Pairs<'_> {
    fn advance(&mut self) -> bool {
        loop {
            std::mem::swap(&mut self.sign, &mut self.before);
            let Some(piece) = self.scanner.next(&mut self.sign) else { return false };
            // Signs that stand apart are no phrase.
            self.position += if piece.joined { 1 } else { 2 };
            if piece.joined {
                self.token.text.clear();
                self.token.text.push_str(&self.before);
                self.token.text.push_str(&self.sign);
                self.token.position = self.position;
                (self.token.offset_from, self.token.offset_to) = (piece.start, piece.end);
                return true;
            }
        }
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
        let expected = [("cooking", 0), ("\u{1}cook", 0), ("台", 1), ("北", 2), ("rice", 3)];
        assert_eq!(found, expected.map(|(text, position)| (text.to_owned(), position)));
    }

    #[test]
    fn pairs_are_of_signs_that_stand_together() {
        let found = tokens(PairTokenizer.token_stream("Cooking 台北夜 市，美食a"));
        let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["台北", "北夜", "美食"]);
        assert_eq!(found[1].1, found[0].1 + 1);
        assert!(found[2].1 > found[1].1 + 1);
    }
}
