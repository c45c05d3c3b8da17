//! Filters of video lists. A field that is `None` or empty does not filter.

use super::{CategoryId, ChannelId, TagId};

/// Filter of public videos.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VideoFilter {
    pub channel: Option<ChannelId>,
    /// Videos of any of these channels.
    pub channels: Option<Vec<ChannelId>>,
    pub category: Option<CategoryId>,
    /// Videos with any of these tags.
    pub tags: Vec<TagId>,
}

/// Filter of the moderators' list, which has videos in every state.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReviewFilter {
    pub channel: Option<ChannelId>,
    /// Whether moderators hid it.
    pub moderated: Option<bool>,
    pub published: Option<bool>,
}
