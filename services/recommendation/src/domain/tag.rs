//! Tags.

/// A tag's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagId(pub i64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: TagId,
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    pub version: i64,
}

/// A name as it is compared: without case and space around.
pub fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_without_case() {
        assert_eq!(name_key(" MÚSICA "), name_key("música"));
        assert_eq!(name_key("音樂"), "音樂");
    }
}
