//! The projected state of videos and channels.

use chrono::{DateTime, Utc};
use fenz_core::{CategoryId, ChannelId, TagId, Tier, UploadId, UserId, VideoId};

/// Characters of a title that prefix lookups compare.
const TITLE_KEY_LEN: usize = 200;

/// The state of a video as of its newest event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    pub id: VideoId,
    pub channel_id: ChannelId,
    pub owner_id: UserId,
    pub title: String,
    pub description: String,
    /// 0 when unset.
    pub category_id: CategoryId,
    pub tag_ids: Vec<TagId>,
    pub access_tier: Tier,
    pub is_published: bool,
    pub is_hidden: bool,
    pub is_deleted: bool,
    pub duration_seconds: i32,
    /// 0 without a thumbnail.
    pub thumbnail_upload_id: UploadId,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub version: i64,
}

impl Video {
    /// The state of a deleted video: its id and version.
    pub fn tombstone(id: VideoId, version: i64) -> Self {
        Self {
            id,
            channel_id: ChannelId(0),
            owner_id: UserId(0),
            title: String::new(),
            description: String::new(),
            category_id: CategoryId(0),
            tag_ids: Vec::new(),
            access_tier: Tier::None,
            is_published: false,
            is_hidden: false,
            is_deleted: true,
            duration_seconds: 0,
            thumbnail_upload_id: UploadId(0),
            published_at: None,
            created_at: DateTime::UNIX_EPOCH,
            version,
        }
    }

    /// Whether it can be shown if its channel can.
    pub fn is_showable(&self) -> bool {
        self.is_published && !self.is_hidden && !self.is_deleted
    }
}

/// A video with what lists and the search index show of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVideo {
    pub video: Video,
    pub channel_name: String,
    /// All views as of the newest `ViewsCounted`.
    pub views: i64,
    /// Published and not hidden, on a visible channel.
    pub is_visible: bool,
    /// The sequence number of its last change.
    pub change_seq: i64,
    /// The sequence number of its last change, views included.
    pub revision: i64,
}

impl ListedVideo {
    /// Visible to everybody and free.
    pub fn is_public(&self) -> bool {
        self.is_visible && self.video.access_tier == Tier::None
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    pub owner_id: UserId,
    pub name: String,
    pub is_hidden: bool,
    pub is_deleted: bool,
    pub version: i64,
}

impl Channel {
    /// The state of a deleted channel.
    pub fn tombstone(id: ChannelId, owner_id: UserId, version: i64) -> Self {
        Self { id, owner_id, name: String::new(), is_hidden: false, is_deleted: true, version }
    }

    pub fn is_visible(&self) -> bool {
        !self.is_hidden && !self.is_deleted
    }
}

/// The key for prefix lookups of a title: lower case, truncated.
pub fn title_key(title: &str) -> String {
    title.to_lowercase().chars().take(TITLE_KEY_LEN).collect()
}
