//! A video as lists show it, and its form in Redis.

use fenz_chassis::{Clock, Platform, media_url::MediaUrls};
use fenz_contract::recommendation::v1::VideoSummary;
use prost::Message;

use crate::domain::{Listed, Seq};

const DAY: i64 = 24 * 3600;
/// How long a picture's path is good, at least.
const PICTURE_TTL: i64 = 7 * DAY;

/// A visible video, ready for replies.
#[derive(Clone, Debug)]
pub struct Card {
    pub summary: VideoSummary,
}

impl Card {
    /// How much memory it takes, about.
    pub fn bytes(&self) -> u32 {
        u32::try_from(self.summary.encoded_len()).unwrap_or(u32::MAX)
    }
}

/// A card in Redis. The picture's path is made when it is read: it expires.
#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(int64, tag = "1")]
    stamp: i64,
    #[prost(int64, tag = "2")]
    thumbnail_upload_id: i64,
    #[prost(message, optional, tag = "3")]
    summary: Option<VideoSummary>,
}

/// Makes the paths that show videos' pictures.
#[derive(Clone)]
pub struct Links {
    urls: MediaUrls,
    clock: Clock,
}

impl Links {
    pub fn new(platform: &Platform) -> anyhow::Result<Self> {
        Ok(Self { urls: platform.media_urls()?, clock: platform.clock.clone() })
    }

    pub fn card(&self, listed: &Listed) -> Card {
        let mut summary = summary(listed);
        summary.thumbnail_url = self.thumbnail(listed.video.thumbnail_upload_id);
        Card { summary }
    }

    /// What [`bytes`] made; None of what another version of the service made.
    pub fn read(&self, bytes: &[u8]) -> Option<(Seq, Card)> {
        let stored = Stored::decode(bytes).ok()?;
        let mut summary = stored.summary?;
        summary.thumbnail_url = self.thumbnail(stored.thumbnail_upload_id);
        Some((stored.stamp, Card { summary }))
    }

    /// The same text for a whole day, so that browsers can keep the picture.
    fn thumbnail(&self, upload_id: i64) -> String {
        if upload_id == 0 {
            return String::new();
        }
        let earliest = self.clock.unix() + PICTURE_TTL;
        self.urls.sign(upload_id, (earliest + DAY - 1) / DAY * DAY)
    }
}

/// A card as Redis keeps it.
pub fn bytes(listed: &Listed) -> Vec<u8> {
    let (stamp, thumbnail_upload_id) = (listed.stamp, listed.video.thumbnail_upload_id);
    Stored { stamp, thumbnail_upload_id, summary: Some(summary(listed)) }.encode_to_vec()
}

fn summary(listed: &Listed) -> VideoSummary {
    let video = &listed.video;
    VideoSummary {
        id: video.id,
        channel_id: video.channel_id,
        owner_id: video.owner_id,
        channel_name: listed.channel_name.clone(),
        title: video.title.clone(),
        description: video.description.clone(),
        category_id: video.category_id,
        tag_ids: video.tag_ids.clone(),
        access_tier: video.access_tier,
        views: listed.views,
        duration_seconds: video.duration_seconds,
        thumbnail_url: String::new(),
        published_at: video.published_at.map(Into::into),
    }
}
