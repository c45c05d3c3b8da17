//! Text cut into words and signs.

use super::fold::{Script, fold, script};

/// Longer words are cut: nobody types them, and they fill the dictionary.
const LONGEST_WORD: usize = 64;

/// A word or a sign, and where it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the original text.
    pub start: usize,
    pub end: usize,
    pub is_sign: bool,
    /// Stands right behind another sign: they are one run.
    pub joined: bool,
}

/// Walks over a text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where the last sign ended.
    sign_end: Option<usize>,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, sign_end: None }
    }

    /// The next piece; its folded form replaces what `folded` held.
    pub fn next(&mut self, folded: &mut String) -> Option<Piece> {
        folded.clear();
        let start = self.skip_to_piece()?;
        let mut letters = self.text[start..].char_indices();
        let (_, first) = letters.next()?;
        if script(first) == Script::Sign {
            fold(first, Script::Sign, folded);
            let joined = self.sign_end == Some(start);
            self.at = start + first.len_utf8();
            self.sign_end = Some(self.at);
            return Some(Piece { start, end: self.at, is_sign: true, joined });
        }
        let mut end = start + first.len_utf8();
        fold(first, Script::Letter, folded);
        for (offset, c) in letters {
            match script(c) {
                Script::Letter => {
                    if folded.len() < LONGEST_WORD {
                        fold(c, Script::Letter, folded);
                    }
                    end = start + offset + c.len_utf8();
                }
                // Belongs to the word, and is not compared.
                Script::Mark => {}
                Script::Sign | Script::Other => break,
            }
        }
        self.at = end;
        Some(Piece { start, end, is_sign: false, joined: false })
    }

    fn skip_to_piece(&self) -> Option<usize> {
        let found = |(_, c): &(usize, char)| matches!(script(*c), Script::Sign | Script::Letter);
        self.text[self.at..].char_indices().find(found).map(|(offset, _)| self.at + offset)
    }
}

/// All of a text folded, one space between what is apart: what titles are
/// compared by from their beginning.
pub fn folded(text: &str) -> String {
    let (mut all, mut piece_text, mut end) = (String::new(), String::new(), 0);
    let mut scanner = Scanner::new(text);
    while let Some(piece) = scanner.next(&mut piece_text) {
        if !all.is_empty() && piece.start > end {
            all.push(' ');
        }
        all.push_str(&piece_text);
        end = piece.end;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<String> {
        let (mut scanner, mut folded, mut found) = (Scanner::new(text), String::new(), Vec::new());
        while let Some(piece) = scanner.next(&mut folded) {
            found.push(if piece.joined { format!("+{folded}") } else { folded.clone() });
        }
        found
    }

    #[test]
    fn words_and_signs_are_told_apart() {
        assert_eq!(pieces("台北Vlog 2024"), ["台", "+北", "vlog", "2024"]);
        assert_eq!(pieces("台，北"), ["台", "北"]);
        assert_eq!(pieces("ラーメンと김치"), ["ラ", "+ー", "+メ", "+ン", "+と", "+김", "+치"]);
    }

    #[test]
    fn width_case_and_accents_do_not_count() {
        assert_eq!(pieces("ＡＢＣ１２ Crème BRÛLÉE Straße Łódź"), ["abc12", "creme", "brulee", "strasse", "lodz"]);
        assert_eq!(pieces("cre\u{300}me"), ["creme"]);
        assert_eq!(pieces("ﾗｰﾒﾝ"), ["ラ", "+ー", "+メ", "+ン"]);
    }

    #[test]
    fn apostrophes_stay_inside_words() {
        assert_eq!(pieces("don't 'quoted' creator’s"), ["dont", "quoted", "creators"]);
    }

    #[test]
    fn nothing_but_marks_is_nothing() {
        assert_eq!(pieces("+-!(){}[]^\"~*?:\\/ 🎉 ''"), Vec::<String>::new());
    }

    #[test]
    fn folded_titles_keep_their_gaps() {
        assert_eq!(folded("  台北Vlog —  Day 1! "), "台北vlog day 1");
    }
}
