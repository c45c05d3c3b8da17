//! Videos and channels, as the projection knows them.

use chrono::{DateTime, Utc};

/// Characters of a title that can be looked up by.
const KEY_CHARACTERS: usize = 200;

/// A video as its last event told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    pub id: i64,
    pub channel_id: i64,
    pub owner_id: i64,
    pub title: String,
    pub description: String,
    /// 0 where none is set.
    pub category_id: i64,
    pub tag_ids: Vec<i64>,
    pub access_tier: i32,
    pub is_published: bool,
    pub is_hidden: bool,
    pub is_gone: bool,
    pub duration_seconds: i32,
    /// 0 where there is no picture.
    pub thumbnail_upload_id: i64,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub version: i64,
}

impl Video {
    /// What is left of a video: that it was there.
    pub fn gone(id: i64, version: i64) -> Self {
        Self {
            id,
            channel_id: 0,
            owner_id: 0,
            title: String::new(),
            description: String::new(),
            category_id: 0,
            tag_ids: Vec::new(),
            access_tier: 0,
            is_published: false,
            is_hidden: false,
            is_gone: true,
            duration_seconds: 0,
            thumbnail_upload_id: 0,
            published_at: None,
            created_at: DateTime::UNIX_EPOCH,
            version,
        }
    }

    /// Whether viewers may find it, where its channel may be found.
    pub fn may_be_seen(&self) -> bool {
        self.is_published && !self.is_hidden && !self.is_gone
    }
}

/// A video as lists and the index take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub video: Video,
    pub channel_name: String,
    /// All views, as of the last count.
    pub views: i64,
    /// Published, hidden for no reason, on a channel that may be seen.
    pub is_visible: bool,
    /// Its place in the order of changes.
    pub change_seq: i64,
    /// When anything in this last changed, the views included.
    pub stamp: i64,
}

impl Listed {
    /// Visible to everybody and free.
    pub fn is_public(&self) -> bool {
        self.is_visible && self.video.access_tier == 0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: i64,
    pub owner_id: i64,
    pub name: String,
    pub is_hidden: bool,
    pub is_gone: bool,
    pub version: i64,
}

impl Channel {
    pub fn is_visible(&self) -> bool {
        !self.is_hidden && !self.is_gone
    }
}

/// A title as it is looked up by its beginning: without case.
pub fn title_key(title: &str) -> String {
    title.to_lowercase().chars().take(KEY_CHARACTERS).collect()
}
