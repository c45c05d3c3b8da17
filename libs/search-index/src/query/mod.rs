//! What is asked of the index, and how it becomes a query of tantivy's. The
//! text is never parsed as a query language: no sign in it is an operator.

pub(crate) mod alike;
mod any;
pub(crate) mod compile;
pub(crate) mod dictionary;
mod run;
pub(crate) mod units;

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Query {
    /// All words of it have to be found; empty for all videos. What is beyond
    /// 200 letters or 16 words is not looked at.
    pub text: String,
    pub filters: Filters,
    pub sort: Sort,
    pub offset: usize,
    pub limit: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    pub category: Option<i64>,
    /// Any of them; none for all videos.
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

/// Equals stand newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// How well the text fits; by views where it fits equally.
    #[default]
    Relevance,
    Newest,
    MostViews,
    FewestViews,
    Longest,
}
