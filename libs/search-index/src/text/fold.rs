//! Folds characters for comparison: lower case, normal width, no accents.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// How the tokenizer treats a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Han, kana, bopomofo and hangul: each character is a token, since nothing
    /// marks the end of a word.
    Cjk,
    /// Letters and digits.
    Letter,
    /// Combining marks, and apostrophes inside words.
    Mark,
    /// Separators of words.
    Other,
}

pub fn script(c: char) -> Script {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Script::Letter,
        '\'' | '\u{2019}' | '\u{ff07}' => Script::Mark,
        '\0'..='\x7f' => Script::Other,
        '\u{4e00}'..='\u{9fff}' => Script::Cjk,
        _ if is_cjk(c) => Script::Cjk,
        _ if is_combining_mark(c) => Script::Mark,
        _ if c.is_alphanumeric() => Script::Letter,
        _ => Script::Other,
    }
}

fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}'
        | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{3105}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}'
        | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Appends the folded form of a character.
pub fn fold(c: char, script: Script, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    if script == Script::Cjk {
        // NFKC leaves these ranges unchanged, and is slow.
        match c {
            '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => out.push(c),
            c => out.extend(std::iter::once(c).nfkc()),
        }
        return;
    }
    if let Some(plain) = transliterated(c) {
        out.push_str(plain);
        return;
    }
    let plain = std::iter::once(c).nfkd().filter(|c| !is_combining_mark(*c));
    out.extend(plain.flat_map(char::to_lowercase));
}

/// Latin letters without a decomposition in Unicode.
fn transliterated(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ł' | 'Ł' => "l",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        _ => return None,
    })
}
