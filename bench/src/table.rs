//! The table of docs/benchmarks.md.

use std::{fmt::Write, fs};

use anyhow::{Context, Result};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md");
const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// A value and its reference.
pub struct Row {
    pub what: String,
    pub ours: String,
    pub reference: String,
    /// What the target applies to: a ratio, or our value.
    pub result: String,
    pub target: String,
    /// None without a target.
    pub reached: Option<bool>,
}

impl Row {
    /// Our value must be at least `least` times the reference's.
    pub fn at_least(what: impl Into<String>, ours: Number, reference: Number, least: f64) -> Self {
        let ratio = ours.value / reference.value;
        Self::ratio(what.into(), ours, reference, format!("≥ {least}"), ratio >= least)
    }

    /// Our value may be at most `most` times the reference's.
    pub fn at_most(what: impl Into<String>, ours: Number, reference: Number, most: f64) -> Self {
        let ratio = ours.value / reference.value;
        Self::ratio(what.into(), ours, reference, format!("≤ {most}"), ratio <= most)
    }

    /// Our duration must go into the reference's at least `least` times.
    pub fn faster(what: impl Into<String>, ours: Number, reference: Number, least: f64) -> Self {
        let factor = reference.value / ours.value;
        let row = Self::ratio(what.into(), ours, reference, format!("≥ {least} times"), factor >= least);
        Self { result: format!("{factor:.0} times as fast"), ..row }
    }

    /// A ratio without a target.
    pub fn plain(what: impl Into<String>, ours: Number, reference: Number) -> Self {
        Self { reached: None, ..Self::ratio(what.into(), ours, reference, "–".into(), true) }
    }

    /// `result` may not exceed `most`.
    pub fn limit(what: impl Into<String>, ours: Number, reference: String, result: Number, most: f64) -> Self {
        let reached = Some(result.value <= most);
        let target = format!("≤ {most} {}", result.unit);
        Self { what: what.into(), ours: ours.text(), reference, result: result.text(), target, reached }
    }

    /// `result` may not be below `least`.
    pub fn floor(what: impl Into<String>, ours: Number, reference: String, result: Number, least: f64) -> Self {
        let reached = Some(result.value >= least);
        let target = format!("≥ {least} {}", result.unit);
        Self { what: what.into(), ours: ours.text(), reference, result: result.text(), target, reached }
    }

    /// A value without a ratio or target.
    pub fn fact(what: impl Into<String>, ours: Number, reference: String) -> Self {
        let (result, target) = ("–".to_owned(), "–".to_owned());
        Self { what: what.into(), ours: ours.text(), reference, result, target, reached: None }
    }

    fn ratio(what: String, ours: Number, reference: Number, target: String, reached: bool) -> Self {
        let result = format!("{:.2}", ours.value / reference.value);
        let reference = format!("{}{}", reference.text(), reference.of);
        Self { what, ours: ours.text(), reference, result, target, reached: Some(reached) }
    }
}

/// A value with its unit, and the origin of a reference.
#[derive(Clone, Copy)]
pub struct Number {
    pub value: f64,
    pub unit: &'static str,
    /// Appended to the unit: ` of bare axum`.
    pub of: &'static str,
}

impl Number {
    pub fn new(value: f64, unit: &'static str) -> Self {
        Self { value, unit, of: "" }
    }

    pub fn of(self, of: &'static str) -> Self {
        Self { of, ..self }
    }

    /// With about three digits.
    pub fn text(self) -> String {
        let decimals = match self.value.abs() {
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            _ => 2,
        };
        format!("{:.decimals$} {}", self.value, self.unit)
    }
}

pub fn markdown(facts: &[String], rows: &[Row]) -> String {
    let mut text = format!("- {}\n", facts.join("\n- "));
    text += "\n| measured | FenzVideo | compared with | result | target | |\n|---|---:|---:|---:|---:|---|\n";
    for row in rows {
        let Row { what, ours, reference, result, target, reached } = row;
        let mark = match reached {
            Some(true) => "pass",
            Some(false) => "**short**",
            None => "",
        };
        // Writing to a String cannot fail.
        writeln!(text, "| {what} | {ours} | {reference} | {result} | {target} | {mark} |").ok();
    }
    text
}

/// Replaces the table between the document's markers.
pub fn write_into_docs(table: &str) -> Result<()> {
    let text = fs::read_to_string(DOCUMENT).context(DOCUMENT)?;
    fs::write(DOCUMENT, replace(&text, table)?).context(DOCUMENT)
}

fn replace(text: &str, table: &str) -> Result<String> {
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("no {BEGIN} in {DOCUMENT}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("no {END} in {DOCUMENT}"))?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_whether_the_target_is_reached() {
        let (ours, axum) = (Number::new(50.0, "/s"), Number::new(100.0, "/s").of(" of bare axum"));
        let text = markdown(&[], &[Row::at_least("reads", ours, axum, 0.25), Row::at_most("waits", ours, axum, 0.3)]);
        assert!(text.contains("| reads | 50.0 /s | 100 /s of bare axum | 0.50 | ≥ 0.25 | pass |"), "{text}");
        assert!(text.contains("| ≤ 0.3 | **short** |"), "{text}");
    }

    #[test]
    fn only_the_table_is_replaced() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
    }
}
