//! Categories.

use fenz_core::CategoryId;

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
