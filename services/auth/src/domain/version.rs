//! Optimistic locking of accounts by version.

use fenz_core::{Error, Reason, Result, if_match};

/// The versions of an account that a request may change.
#[derive(Clone, Debug, Default)]
pub struct Precondition(Option<String>);

impl Precondition {
    /// From `If-Match`, if there is one.
    pub fn new(if_match: Option<&str>) -> Self {
        Self(if_match.map(str::to_owned))
    }

    /// # Errors
    /// `VERSION_MISMATCH` when the version is not among them.
    pub fn check(&self, version: i64) -> Result<()> {
        if self.0.as_deref().is_none_or(|header| if_match::matches(header, version)) {
            return Ok(());
        }
        let changed = Error::new(Reason::VersionMismatch, "the account has changed since; read it again");
        Err(changed.with("etag", if_match::etag(version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_lists_versions_or_any() {
        let matches = |text: Option<&str>| Precondition::new(text).check(3).is_ok();
        for good in [None, Some("*"), Some("\"3\""), Some("W/\"3\"")] {
            assert!(matches(good), "{good:?}");
        }
        for bad in ["", "3", "\"2\"", "W/\"33\""] {
            assert!(!matches(Some(bad)), "{bad}");
        }
    }
}
