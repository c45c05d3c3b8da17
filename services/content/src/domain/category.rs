//! Categories.

/// A category's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CategoryId(pub i64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: CategoryId,
    pub name: String,
    pub slug: String,
}

impl Category {
    /// Names that differ only in case have the same key.
    pub fn name_key(&self) -> String {
        self.name.to_lowercase()
    }
}
