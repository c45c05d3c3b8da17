//! Splits text into words and CJK characters.

use super::fold::{Script, fold, script};

/// Longer words are truncated: nobody searches for them, and they bloat the
/// dictionary.
const MAX_WORD_BYTES: usize = 64;

/// A word or a CJK character of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexeme {
    /// Byte offsets in the original text.
    pub start: usize,
    pub end: usize,
    pub is_cjk: bool,
    /// Directly follows another CJK character.
    pub continues_run: bool,
}

#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where the last CJK character ended.
    cjk_end: Option<usize>,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, cjk_end: None }
    }

    /// The next lexeme; its folded form replaces the content of `folded`.
    pub fn next(&mut self, folded: &mut String) -> Option<Lexeme> {
        folded.clear();
        let start = self.next_start()?;
        let mut letters = self.text[start..].char_indices();
        let (_, first) = letters.next()?;
        if script(first) == Script::Cjk {
            fold(first, Script::Cjk, folded);
            let continues_run = self.cjk_end == Some(start);
            self.at = start + first.len_utf8();
            self.cjk_end = Some(self.at);
            return Some(Lexeme { start, end: self.at, is_cjk: true, continues_run });
        }
        let mut end = start + first.len_utf8();
        fold(first, Script::Letter, folded);
        for (offset, c) in letters {
            match script(c) {
                Script::Letter => {
                    if folded.len() < MAX_WORD_BYTES {
                        fold(c, Script::Letter, folded);
                    }
                    end = start + offset + c.len_utf8();
                }
                // Part of the word, but not compared.
                Script::Mark => {}
                Script::Cjk | Script::Other => break,
            }
        }
        self.at = end;
        Some(Lexeme { start, end, is_cjk: false, continues_run: false })
    }

    fn next_start(&self) -> Option<usize> {
        let found = |(_, c): &(usize, char)| matches!(script(*c), Script::Cjk | Script::Letter);
        self.text[self.at..].char_indices().find(found).map(|(offset, _)| self.at + offset)
    }
}

/// A whole text folded, with one space in place of each gap: the form in which
/// titles are matched by prefix.
pub fn folded(text: &str) -> String {
    let (mut all, mut lexeme_text, mut end) = (String::new(), String::new(), 0);
    let mut scanner = Scanner::new(text);
    while let Some(lexeme) = scanner.next(&mut lexeme_text) {
        if !all.is_empty() && lexeme.start > end {
            all.push(' ');
        }
        all.push_str(&lexeme_text);
        end = lexeme.end;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &str) -> Vec<String> {
        let (mut scanner, mut folded, mut found) = (Scanner::new(text), String::new(), Vec::new());
        while let Some(lexeme) = scanner.next(&mut folded) {
            found.push(if lexeme.continues_run { format!("+{folded}") } else { folded.clone() });
        }
        found
    }

    #[test]
    fn words_and_cjk_characters_are_separate_lexemes() {
        assert_eq!(lexemes("台北Vlog 2024"), ["台", "+北", "vlog", "2024"]);
        assert_eq!(lexemes("台，北"), ["台", "北"]);
        assert_eq!(lexemes("ラーメンと김치"), ["ラ", "+ー", "+メ", "+ン", "+と", "+김", "+치"]);
    }

    #[test]
    fn width_case_and_accents_are_folded() {
        assert_eq!(lexemes("ＡＢＣ１２ Crème BRÛLÉE Straße Łódź"), ["abc12", "creme", "brulee", "strasse", "lodz"]);
        assert_eq!(lexemes("cre\u{300}me"), ["creme"]);
        assert_eq!(lexemes("ﾗｰﾒﾝ"), ["ラ", "+ー", "+メ", "+ン"]);
    }

    #[test]
    fn apostrophes_stay_inside_words() {
        assert_eq!(lexemes("don't 'quoted' creator’s"), ["dont", "quoted", "creators"]);
    }

    #[test]
    fn punctuation_and_emoji_make_no_lexemes() {
        assert_eq!(lexemes("+-!(){}[]^\"~*?:\\/ 🎉 ''"), Vec::<String>::new());
    }

    #[test]
    fn folded_titles_keep_their_gaps() {
        assert_eq!(folded("  台北Vlog —  Day 1! "), "台北vlog day 1");
    }
}
