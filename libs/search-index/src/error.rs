//! Errors of the index.

use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Each replica needs a folder of its own.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    #[error("the index's folder: {0}")]
    Io(#[from] std::io::Error),
    #[error("the index: {0}")]
    Index(#[from] tantivy::TantivyError),
}
