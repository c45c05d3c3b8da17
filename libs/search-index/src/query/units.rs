//! The words and runs of signs of a query.

use crate::text::{
    scan::Scanner,
    stem::{STEM_MARK, Stems},
};

/// Letters of a query that are looked at.
const LONGEST: usize = 200;

/// Words and runs of a query that are looked at.
pub const MOST: usize = 16;

/// From this many letters on a word forgives one typo.
const FORGIVING: usize = 5;

/// A run of this many signs, found nowhere as it is, is taken apart.
const LOOSE: usize = 4;

/// Something that has to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    Word(Word),
    /// Signs that stand together, a phrase.
    Run(Vec<char>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// Without its mark; the word itself where it is one.
    pub stem: String,
    /// May go on.
    pub is_last: bool,
}

impl Word {
    pub fn forgives(&self) -> bool {
        self.text.chars().count() >= FORGIVING && self.text.chars().all(char::is_alphabetic)
    }

    /// Short stems are near too many others.
    pub fn stem_forgives(&self) -> bool {
        self.stem.chars().count() >= FORGIVING
    }

    pub fn marked_stem(&self) -> String {
        format!("{STEM_MARK}{}", self.stem)
    }
}

/// The units of a text, each once.
pub fn units(text: &str) -> Vec<Unit> {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let (mut scanner, mut folded, mut stems) = (Scanner::new(&text[..end]), String::new(), Stems::default());
    let mut found: Vec<Unit> = Vec::new();
    while let Some(piece) = scanner.next(&mut folded) {
        let sign = if piece.is_sign { folded.chars().next() } else { None };
        if let (true, Some(sign), Some(Unit::Run(run))) = (piece.joined, sign, found.last_mut()) {
            run.push(sign);
            continue;
        }
        if found.len() == MOST {
            break;
        }
        found.push(if let Some(sign) = sign {
            Unit::Run(vec![sign])
        } else {
            let stem = stems.of(&folded).unwrap_or(&folded).to_owned();
            Unit::Word(Word { text: folded.clone(), stem, is_last: false })
        });
    }
    if let Some(Unit::Word(word)) = found.last_mut() {
        word.is_last = true;
    }
    let mut once: Vec<Unit> = Vec::with_capacity(found.len());
    for unit in found {
        if !once.contains(&unit) {
            once.push(unit);
        }
    }
    once
}

/// The same with long runs taken apart; nothing when there are none.
pub fn loosened(units: &[Unit]) -> Option<Vec<Unit>> {
    let is_long = |unit: &Unit| matches!(unit, Unit::Run(run) if run.len() >= LOOSE);
    if !units.iter().any(is_long) {
        return None;
    }
    let mut loose = Vec::new();
    for unit in units {
        match unit {
            Unit::Run(run) if run.len() >= LOOSE => {
                for sign in run {
                    let unit = Unit::Run(vec![*sign]);
                    if !loose.contains(&unit) {
                        loose.push(unit);
                    }
                }
            }
            unit => loose.push(unit.clone()),
        }
    }
    Some(loose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, stem: &str, is_last: bool) -> Unit {
        Unit::Word(Word { text: text.into(), stem: stem.into(), is_last })
    }

    fn run(signs: &str) -> Unit {
        Unit::Run(signs.chars().collect())
    }

    #[test]
    fn mixed_text() {
        assert_eq!(units("台北Vlogs 美食"), [run("台北"), word("vlogs", "vlog", false), run("美食")]);
        assert_eq!(
            units("Cooking 台北 rice"),
            [word("cooking", "cook", false), run("台北"), word("rice", "rice", true)]
        );
    }

    #[test]
    fn bounded_and_each_once() {
        assert_eq!(units(&"a ".repeat(150)).len(), 2, "the last may go on");
        let many = (0..60).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(units(&many).len(), MOST);
        let Unit::Run(signs) = &units(&"台".repeat(500))[0] else { panic!("not a run") };
        assert_eq!(signs.len(), LONGEST);
    }

    #[test]
    fn long_runs_come_apart() {
        assert_eq!(loosened(&[run("台北夜")]), None);
        let loose = loosened(&[run("台北夜台"), word("a", "a", true)]);
        assert_eq!(loose, Some(vec![run("台"), run("北"), run("夜"), word("a", "a", true)]));
    }
}
