//! Splits the text of a query into words and runs of CJK characters.

use crate::text::{
    scan::Scanner,
    stem::{STEM_MARK, StemCache},
};

/// Characters of a query that are read.
const MAX_CHARS: usize = 200;

/// Clauses of a query that are read.
pub const MAX_CLAUSES: usize = 16;

/// Words of this many letters allow one typo.
const FUZZY_CHARS: usize = 5;

/// A run of this many characters that matches nothing is relaxed into single
/// characters.
const RELAXED_RUN: usize = 4;

/// A part of the text that has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    Word(Word),
    /// Adjacent CJK characters: a phrase.
    Run(Vec<char>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// Without [`STEM_MARK`]; the word itself if it is its own stem.
    pub stem: String,
    /// May be incomplete: also matched as a prefix.
    pub is_last: bool,
}

impl Word {
    pub fn is_fuzzy(&self) -> bool {
        self.text.chars().count() >= FUZZY_CHARS && self.text.chars().all(char::is_alphabetic)
    }

    /// Short stems have too many neighbours.
    pub fn has_fuzzy_stem(&self) -> bool {
        self.stem.chars().count() >= FUZZY_CHARS
    }

    pub fn marked_stem(&self) -> String {
        format!("{STEM_MARK}{}", self.stem)
    }
}

/// The distinct clauses of a text.
pub fn clauses(text: &str) -> Vec<Clause> {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    let (mut scanner, mut folded, mut stems) = (Scanner::new(&text[..end]), String::new(), StemCache::default());
    let mut found: Vec<Clause> = Vec::new();
    while let Some(lexeme) = scanner.next(&mut folded) {
        let cjk = if lexeme.is_cjk { folded.chars().next() } else { None };
        if let (true, Some(c), Some(Clause::Run(run))) = (lexeme.continues_run, cjk, found.last_mut()) {
            run.push(c);
            continue;
        }
        if found.len() == MAX_CLAUSES {
            break;
        }
        found.push(if let Some(c) = cjk {
            Clause::Run(vec![c])
        } else {
            let stem = stems.stem(&folded).unwrap_or(&folded).to_owned();
            Clause::Word(Word { text: folded.clone(), stem, is_last: false })
        });
    }
    if let Some(Clause::Word(word)) = found.last_mut() {
        word.is_last = true;
    }
    distinct(found)
}

fn distinct(clauses: impl IntoIterator<Item = Clause>) -> Vec<Clause> {
    let mut distinct = Vec::new();
    for clause in clauses {
        if !distinct.contains(&clause) {
            distinct.push(clause);
        }
    }
    distinct
}

/// The same clauses with long runs split into characters; none without long runs.
pub fn relaxed(clauses: &[Clause]) -> Option<Vec<Clause>> {
    let is_long = |clause: &Clause| matches!(clause, Clause::Run(run) if run.len() >= RELAXED_RUN);
    if !clauses.iter().any(is_long) {
        return None;
    }
    let split = |clause: &Clause| match clause {
        Clause::Run(run) if run.len() >= RELAXED_RUN => run.iter().map(|c| Clause::Run(vec![*c])).collect(),
        clause => vec![clause.clone()],
    };
    Some(distinct(clauses.iter().flat_map(split)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, stem: &str, is_last: bool) -> Clause {
        Clause::Word(Word { text: text.into(), stem: stem.into(), is_last })
    }

    fn run(text: &str) -> Clause {
        Clause::Run(text.chars().collect())
    }

    #[test]
    fn mixed_text() {
        assert_eq!(clauses("台北Vlogs 美食"), [run("台北"), word("vlogs", "vlog", false), run("美食")]);
        assert_eq!(
            clauses("Cooking 台北 rice"),
            [word("cooking", "cook", false), run("台北"), word("rice", "rice", true)]
        );
    }

    #[test]
    fn bounded_and_distinct() {
        assert_eq!(clauses(&"a ".repeat(150)).len(), 2, "the last one is also a prefix");
        let many = (0..60).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(clauses(&many).len(), MAX_CLAUSES);
        let Clause::Run(run) = &clauses(&"台".repeat(500))[0] else { panic!("not a run") };
        assert_eq!(run.len(), MAX_CHARS);
    }

    #[test]
    fn long_runs_are_split() {
        assert_eq!(relaxed(&[run("台北夜")]), None);
        let split = relaxed(&[run("台北夜台"), word("a", "a", true)]);
        assert_eq!(split, Some(vec![run("台"), run("北"), run("夜"), word("a", "a", true)]));
    }
}
