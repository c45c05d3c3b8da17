//! Queries, and their translation to tantivy's. The text is never parsed as a
//! query language: no character in it is an operator.

pub(crate) mod clause;
pub(crate) mod compile;
pub(crate) mod dictionary;
pub(crate) mod expansion;
mod run;
mod union;

use tantivy::{
    DocId, SegmentReader, TantivyError,
    query::{Explanation, Weight},
};

/// A search request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Query {
    /// All of its words have to match; empty matches all videos. Only the first
    /// 200 characters and 16 words are read.
    pub text: String,
    pub filters: Filters,
    pub sort: Sort,
    pub offset: usize,
    pub limit: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    pub category: Option<i64>,
    /// Any of them; empty for no filter.
    pub tags: Vec<i64>,
    pub channel: Option<i64>,
    /// Seconds, inclusive.
    pub min_duration: Option<i64>,
    /// Seconds, inclusive.
    pub max_duration: Option<i64>,
    /// Unix seconds, inclusive.
    pub published_from: Option<i64>,
    /// Unix seconds, exclusive.
    pub published_to: Option<i64>,
    pub access: Option<Access>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Tier 0.
    Public,
    /// Tiers 1 and 2.
    Member,
}

/// Ties are ordered newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// By score; views break near ties.
    #[default]
    Relevance,
    Newest,
    MostViews,
    FewestViews,
    Longest,
}

/// The common part of [`Weight::explain`].
fn explain(
    weight: &dyn Weight,
    reader: &SegmentReader,
    doc: DocId,
    description: &'static str,
) -> tantivy::Result<Explanation> {
    let mut scorer = weight.scorer(reader, 1.0)?;
    if scorer.doc() > doc || scorer.seek(doc) != doc {
        return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
    }
    Ok(Explanation::new(description, scorer.score()))
}
