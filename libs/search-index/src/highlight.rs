//! Highlights the matches in a text.

use std::collections::HashSet;

use crate::{
    query::clause::Word,
    text::{
        scan::Scanner,
        stem::{STEM_MARK, StemCache},
    },
};

/// Length of a description's fragment.
const FRAGMENT_CHARS: usize = 200;

/// Shown before the first match.
const CONTEXT_CHARS: usize = 40;

/// Marks the words of a query in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marker {
    words: HashSet<String>,
    stems: HashSet<String>,
    prefix: Option<String>,
    runs: Vec<Vec<char>>,
}

/// A video's texts with `<em>` around the matches, HTML-escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    pub id: i64,
    /// Empty without a match.
    pub title: String,
    /// A fragment; empty without a match.
    pub description: String,
}

impl Marker {
    pub(crate) fn word(&mut self, word: &Word, expansion: &[String]) {
        for text in expansion {
            match text.strip_prefix(STEM_MARK) {
                Some(stem) => self.stems.insert(stem.to_owned()),
                None => self.words.insert(text.clone()),
            };
        }
        self.words.insert(word.text.clone());
        self.stems.insert(word.stem.clone());
        if word.is_last {
            self.prefix = Some(word.text.clone());
        }
    }

    pub(crate) fn run(&mut self, run: &[char]) {
        self.runs.push(run.to_vec());
    }

    /// The highlights of a video; none without a match.
    pub fn highlight(&self, id: i64, title: &str, description: &str) -> Option<Highlight> {
        if self.words.is_empty() && self.runs.is_empty() {
            return None;
        }
        let (title, description) = (self.mark(title), self.fragment(description));
        (!(title.is_empty() && description.is_empty())).then_some(Highlight { id, title, description })
    }

    /// Approximate memory.
    pub fn bytes(&self) -> usize {
        let words = self.words.iter().chain(&self.stems).map(|word| word.len() + size_of::<String>());
        words.sum::<usize>() + self.runs.iter().flatten().count() * size_of::<char>()
    }

    /// A whole text, marked; empty without a match.
    fn mark(&self, text: &str) -> String {
        let found = self.find(text);
        if found.is_empty() { String::new() } else { marked(text, 0, text.len(), &found) }
    }

    /// The fragment around the first match, marked.
    fn fragment(&self, text: &str) -> String {
        let found = self.find(text);
        let Some(&(first, _)) = found.first() else { return String::new() };
        let chars: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        if chars.len() <= FRAGMENT_CHARS {
            return marked(text, 0, text.len(), &found);
        }
        let first = chars.partition_point(|at| *at < first);
        let begin = first.saturating_sub(CONTEXT_CHARS).min(chars.len() - FRAGMENT_CHARS);
        let end = chars.get(begin + FRAGMENT_CHARS).copied().unwrap_or(text.len());
        marked(text, chars[begin], end, &found)
    }

    /// Byte ranges of the matches, in order and disjoint.
    fn find(&self, text: &str) -> Vec<(usize, usize)> {
        let (mut scanner, mut folded, mut stems) = (Scanner::new(text), String::new(), StemCache::default());
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut run: Vec<(char, usize, usize)> = Vec::new();
        while let Some(lexeme) = scanner.next(&mut folded) {
            if !lexeme.continues_run {
                self.find_in_run(&run, &mut found);
                run.clear();
            }
            if lexeme.is_cjk {
                run.extend(folded.chars().map(|c| (c, lexeme.start, lexeme.end)));
            } else if self.matches_word(&folded, &mut stems) {
                found.push((lexeme.start, lexeme.end));
            }
        }
        self.find_in_run(&run, &mut found);
        found
    }

    fn matches_word(&self, word: &str, stems: &mut StemCache) -> bool {
        self.words.contains(word)
            || self.prefix.as_ref().is_some_and(|prefix| word.starts_with(prefix.as_str()))
            || self.may_match_stem(word) && self.stems.contains(stems.stem(word).unwrap_or(word))
    }

    /// Stemming is the slowest part of it, and a stem begins like its word.
    fn may_match_stem(&self, word: &str) -> bool {
        self.stems.iter().any(|stem| stem.as_bytes().first() == word.as_bytes().first())
    }

    fn find_in_run(&self, run: &[(char, usize, usize)], found: &mut Vec<(usize, usize)>) {
        let mut marks = vec![false; run.len()];
        for searched in &self.runs {
            for at in 0..(run.len() + 1).saturating_sub(searched.len()) {
                if run[at..].iter().zip(searched).all(|((c, ..), searched)| c == searched) {
                    marks[at..at + searched.len()].fill(true);
                }
            }
        }
        let mut is_adjacent = false;
        for ((_, start, end), is_marked) in run.iter().zip(marks) {
            match found.last_mut() {
                Some(last) if is_marked && is_adjacent => last.1 = *end,
                _ if is_marked => found.push((*start, *end)),
                _ => {}
            }
            is_adjacent = is_marked;
        }
    }
}

/// `text[begin..end]` escaped, with marks.
fn marked(text: &str, begin: usize, end: usize, found: &[(usize, usize)]) -> String {
    let mut out = String::with_capacity(end - begin + 32);
    let mut at = begin;
    for &(from, to) in found {
        if from < at || to > end {
            continue;
        }
        escape(&text[at..from], &mut out);
        out.push_str("<em>");
        escape(&text[from..to], &mut out);
        out.push_str("</em>");
        at = to;
    }
    escape(&text[at..end], &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::clause::{Clause, clauses};

    fn marker(query: &str) -> Marker {
        let mut marker = Marker::default();
        for clause in clauses(query) {
            match clause {
                Clause::Word(word) => marker.word(&word, &[]),
                Clause::Run(run) => marker.run(&run),
            }
        }
        marker
    }

    #[test]
    fn words_stems_prefixes_and_runs_are_marked() {
        assert_eq!(marker("cook tut").mark("Cooking a tutorial"), "<em>Cooking</em> a <em>tutorial</em>");
        assert_eq!(marker("台北").mark("在台北的夜市，台中"), "在<em>台北</em>的夜市，台中");
        assert_eq!(marker("creme").mark("Crème"), "<em>Crème</em>");
        assert_eq!(marker("台北 北夜").mark("台北夜市"), "<em>台北夜</em>市");
        assert_eq!(marker("nothing").mark("else"), "");
        assert_eq!(
            marker("lying dies").mark("lie, lied, a liar, dying"),
            "<em>lie</em>, <em>lied</em>, a liar, <em>dying</em>"
        );
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(marker("b").mark("<b> & \"c\""), "&lt;<em>b</em>&gt; &amp; &quot;c&quot;");
        assert_eq!(marker("script").mark("<script>'"), "&lt;<em>script</em>&gt;&#39;");
    }

    #[test]
    fn fragments_are_short_and_show_the_first_match() {
        let text = format!("{}台北{}", "一".repeat(500), "二".repeat(500));
        let fragment = marker("台北").fragment(&text);
        assert!(fragment.contains("<em>台北</em>"));
        let plain = fragment.replace("<em>", "").replace("</em>", "");
        assert_eq!(plain.chars().count(), 200);
        let at_the_end = format!("{}台北", "一".repeat(500));
        assert!(marker("台北").fragment(&at_the_end).ends_with("<em>台北</em>"));
    }
}
