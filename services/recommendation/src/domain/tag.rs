//! Tags.

use fenz_core::TagId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: TagId,
    pub name: String,
    /// Its name in URLs.
    pub slug: String,
    pub version: i64,
}

/// The comparison key of a name: trimmed, lower case.
pub fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(name_key(" MÚSICA "), name_key("música"));
        assert_eq!(name_key("音樂"), "音樂");
    }
}
