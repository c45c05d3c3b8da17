//! Marks what was found in a text.

use std::collections::HashSet;

use crate::{
    query::units::Word,
    text::{
        scan::Scanner,
        stem::{STEM_MARK, Stems},
    },
};

/// Letters of a part of a description.
const FRAGMENT: usize = 200;

/// Letters shown before the first thing found.
const BEFORE: usize = 40;

/// What marks the words of a query in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marker {
    words: HashSet<String>,
    stems: HashSet<String>,
    unfinished: Option<String>,
    runs: Vec<Vec<char>>,
}

/// A video's texts with `<em>` around what was found, HTML-escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    pub id: i64,
    /// Empty where nothing was found in it.
    pub title: String,
    /// A part of it; empty where nothing was found in it.
    pub description: String,
}

impl Marker {
    pub(crate) fn word(&mut self, word: &Word, alike: &[String]) {
        for text in alike {
            match text.strip_prefix(STEM_MARK) {
                Some(stem) => self.stems.insert(stem.to_owned()),
                None => self.words.insert(text.clone()),
            };
        }
        self.words.insert(word.text.clone());
        self.stems.insert(word.stem.clone());
        if word.is_last {
            self.unfinished = Some(word.text.clone());
        }
    }

    pub(crate) fn run(&mut self, run: &[char]) {
        self.runs.push(run.to_vec());
    }

    /// What was found in the texts of a video; nothing where that is nothing,
    /// as when there was no text to look for.
    pub fn highlight(&self, id: i64, title: &str, description: &str) -> Option<Highlight> {
        if self.words.is_empty() && self.runs.is_empty() {
            return None;
        }
        let (title, description) = (self.mark(title), self.fragment(description));
        (!(title.is_empty() && description.is_empty())).then_some(Highlight { id, title, description })
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let words = self.words.iter().chain(&self.stems).map(|word| word.len() + size_of::<String>());
        words.sum::<usize>() + self.runs.iter().flatten().count() * size_of::<char>()
    }

    /// All of a text, marked; empty where there is nothing to mark.
    fn mark(&self, text: &str) -> String {
        let found = self.find(text);
        if found.is_empty() { String::new() } else { marked(text, 0, text.len(), &found) }
    }

    /// The part of a text around the first thing found, marked.
    fn fragment(&self, text: &str) -> String {
        let found = self.find(text);
        let Some(&(first, _)) = found.first() else { return String::new() };
        let letters: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        if letters.len() <= FRAGMENT {
            return marked(text, 0, text.len(), &found);
        }
        let first = letters.partition_point(|at| *at < first);
        let begin = first.saturating_sub(BEFORE).min(letters.len() - FRAGMENT);
        let end = letters.get(begin + FRAGMENT).copied().unwrap_or(text.len());
        marked(text, letters[begin], end, &found)
    }

    /// Where something stands that was looked for, in order, none twice.
    fn find(&self, text: &str) -> Vec<(usize, usize)> {
        let (mut scanner, mut folded, mut stems) = (Scanner::new(text), String::new(), Stems::default());
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut run: Vec<(char, usize, usize)> = Vec::new();
        while let Some(piece) = scanner.next(&mut folded) {
            if !piece.joined {
                self.find_in_run(&run, &mut found);
                run.clear();
            }
            if piece.is_sign {
                run.extend(folded.chars().map(|sign| (sign, piece.start, piece.end)));
            } else if self.is_word(&folded, &mut stems) {
                found.push((piece.start, piece.end));
            }
        }
        self.find_in_run(&run, &mut found);
        found
    }

    fn is_word(&self, word: &str, stems: &mut Stems) -> bool {
        self.words.contains(word)
            || self.unfinished.as_ref().is_some_and(|prefix| word.starts_with(prefix.as_str()))
            || self.may_have_stem_of(word) && self.stems.contains(stems.of(word).unwrap_or(word))
    }

    /// Finding a stem costs more than all the rest, and it begins as its word.
    fn may_have_stem_of(&self, word: &str) -> bool {
        self.stems.iter().any(|stem| stem.as_bytes().first() == word.as_bytes().first())
    }

    fn find_in_run(&self, run: &[(char, usize, usize)], found: &mut Vec<(usize, usize)>) {
        let mut marks = vec![false; run.len()];
        for wanted in &self.runs {
            for at in 0..(run.len() + 1).saturating_sub(wanted.len()) {
                if run[at..].iter().zip(wanted).all(|((sign, ..), wanted)| sign == wanted) {
                    marks[at..at + wanted.len()].fill(true);
                }
            }
        }
        let mut goes_on = false;
        for ((_, start, end), is_marked) in run.iter().zip(marks) {
            match found.last_mut() {
                Some(last) if is_marked && goes_on => last.1 = *end,
                _ if is_marked => found.push((*start, *end)),
                _ => {}
            }
            goes_on = is_marked;
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
    use crate::query::units::{Unit, units};

    fn marker(query: &str) -> Marker {
        let mut marker = Marker::default();
        for unit in units(query) {
            match unit {
                Unit::Word(word) => marker.word(&word, &[]),
                Unit::Run(run) => marker.run(&run),
            }
        }
        marker
    }

    #[test]
    fn words_stems_beginnings_and_runs_are_marked() {
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
    fn fragments_are_short_and_show_the_first_find() {
        let text = format!("{}台北{}", "一".repeat(500), "二".repeat(500));
        let fragment = marker("台北").fragment(&text);
        assert!(fragment.contains("<em>台北</em>"));
        let plain = fragment.replace("<em>", "").replace("</em>", "");
        assert_eq!(plain.chars().count(), 200);
        let at_the_end = format!("{}台北", "一".repeat(500));
        assert!(marker("台北").fragment(&at_the_end).ends_with("<em>台北</em>"));
    }
}
