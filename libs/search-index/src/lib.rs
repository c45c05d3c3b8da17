//! The search index of videos: tantivy with a schema for videos and a tokenizer
//! for Chinese, English and mixed text.
//!
//! One process writes a folder. Changes become visible and durable with a commit,
//! which also stores a [`Mark`] of the last change applied, so that the caller
//! resumes from there. All calls block.

mod cjk_bigrams;
mod correct;
mod document;
mod error;
mod facets;
mod folder;
mod highlight;
mod hits;
mod index;
mod query;
mod schema;
mod snapshot;
mod suggest;
mod text;
mod views;
mod writer;

pub use document::{Band, Change, Document};
pub use error::{Error, Result};
pub use facets::Facets;
pub use folder::remove;
pub use highlight::{Highlight, Marker};
pub use index::{Hit, Index, Opened, Results};
pub use query::{Access, Filters, Query, Sort};
pub use text::scan::folded;
pub use writer::{Mark, Options};

#[cfg(test)]
mod tests;
