//! The index that videos are found with: tantivy, a schema for videos, a
//! tokenizer for Chinese, English and both together, and nothing of a service.
//!
//! One process writes a folder. What was applied is found, and survives a
//! crash, once it is committed; a commit keeps how far the index is, so that
//! its feeder goes on from there. All calls block.

mod correct;
mod document;
mod error;
mod facets;
mod folder;
mod gather;
mod highlight;
mod index;
mod query;
mod schema;
mod signs;
mod snapshot;
mod suggest;
mod text;
mod views;
mod writing;

pub use document::{Band, Change, Document};
pub use error::{Error, Result};
pub use facets::Facets;
pub use folder::remove;
pub use highlight::{Highlight, Marker};
pub use index::{Hit, Index, Opened, Results};
pub use query::{Access, Filters, Query, Sort};
pub use text::scan::folded;
pub use writing::{Mark, Options};

#[cfg(test)]
mod tests;
