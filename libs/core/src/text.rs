//! Texts that people write and others see: the one place for their rules.

use crate::{Error, Reason, Result};

/// A name or a title as it is stored: one line, without white space around it.
///
/// # Errors
/// `INVALID_PARAMS` on the field for a blank text or control characters.
pub fn line(field: &str, text: &str) -> Result<String> {
    let refuse = |why| Err(Error::field(Reason::InvalidParams, field, why));
    let text = text.trim();
    if text.is_empty() {
        return refuse("must not be blank");
    }
    if text.chars().any(char::is_control) {
        return refuse("must not contain control characters");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_neither_blank_nor_broken() {
        assert_eq!(line("name", " Ann \u{1f600}\n").unwrap(), "Ann \u{1f600}");
        for bad in ["", " \u{3000}", "a\nb", "a\u{0}b"] {
            let refusal = line("name", bad).unwrap_err();
            assert_eq!(refusal.violations[0].0, "name", "{bad:?}");
        }
    }
}
