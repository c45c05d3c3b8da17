//! Versions of an account as HTTP tells them (RFC 9110, 8.8.3 and 13.1.1).

use fenz_chassis::{Error, Reason, Result};

/// The `ETag` of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The versions that a caller is willing to change.
#[derive(Clone, Debug, Default)]
pub struct Precondition(Option<String>);

impl Precondition {
    /// From `If-Match`, if there is one.
    pub fn new(if_match: Option<&str>) -> Self {
        Self(if_match.map(str::to_owned))
    }

    /// # Errors
    /// `VERSION_MISMATCH` when the version is none of the caller's.
    pub fn check(&self, version: i64) -> Result<()> {
        let Some(wanted) = &self.0 else { return Ok(()) };
        let current = etag(version);
        // A weak validator never matches here.
        if wanted.trim() == "*" || wanted.split(',').any(|tag| tag.trim() == current) {
            return Ok(());
        }
        Err(Error::new(Reason::VersionMismatch, "the account has changed since; read it again").with("etag", current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_the_version_or_any() {
        let matches = |text: Option<&str>| Precondition::new(text).check(3).is_ok();
        for good in [None, Some("*"), Some("\"3\""), Some("\"2\", \"3\"")] {
            assert!(matches(good), "{good:?}");
        }
        for bad in ["", "3", "\"2\"", "W/\"3\"", "\"33\""] {
            assert!(!matches(Some(bad)), "{bad}");
        }
    }
}
