//! Builds the summaries of videos, and their form in Redis.

use fenz_chassis::media_url::MediaUrls;
use fenz_contract::recommendation::v1::VideoSummary;
use fenz_core::{Clock, UploadId};
use prost::Message;

use crate::domain::{ListedVideo, Seq};

const DAY: i64 = 24 * 3600;
/// The minimum validity of a thumbnail URL.
const THUMBNAIL_TTL: i64 = 7 * DAY;

/// A summary in Redis, without its thumbnail URL: that expires, so it is signed
/// when the summary is read.
#[derive(Clone, PartialEq, Message)]
struct StoredSummary {
    #[prost(int64, tag = "1")]
    revision: i64,
    #[prost(int64, tag = "2")]
    thumbnail_upload_id: i64,
    #[prost(message, optional, tag = "3")]
    summary: Option<VideoSummary>,
}

/// Builds summaries with signed thumbnail URLs.
#[derive(Clone)]
pub struct SummaryCodec {
    urls: MediaUrls,
    clock: Clock,
}

impl SummaryCodec {
    pub fn new(urls: MediaUrls, clock: Clock) -> Self {
        Self { urls, clock }
    }

    pub fn build(&self, video: &ListedVideo) -> VideoSummary {
        VideoSummary { thumbnail_url: self.thumbnail_url(video.video.thumbnail_upload_id), ..summary(video) }
    }

    /// Decodes what [`encode`] wrote; None for the format of another release.
    pub fn decode(&self, bytes: &[u8]) -> Option<(Seq, VideoSummary)> {
        let StoredSummary { revision, thumbnail_upload_id, summary } = StoredSummary::decode(bytes).ok()?;
        Some((revision, VideoSummary { thumbnail_url: self.thumbnail_url(UploadId(thumbnail_upload_id)), ..summary? }))
    }

    /// The same URL for a whole day, so that browsers can cache the thumbnail.
    fn thumbnail_url(&self, upload: UploadId) -> String {
        if upload.0 == 0 {
            return String::new();
        }
        let earliest = self.clock.unix() + THUMBNAIL_TTL;
        self.urls.sign(upload, (earliest + DAY - 1) / DAY * DAY)
    }
}

/// A summary as stored in Redis.
pub fn encode(video: &ListedVideo) -> Vec<u8> {
    let (revision, thumbnail_upload_id) = (video.revision, video.video.thumbnail_upload_id.0);
    StoredSummary { revision, thumbnail_upload_id, summary: Some(summary(video)) }.encode_to_vec()
}

fn summary(listed: &ListedVideo) -> VideoSummary {
    let video = &listed.video;
    VideoSummary {
        id: video.id.0,
        channel_id: video.channel_id.0,
        owner_id: video.owner_id.0,
        channel_name: listed.channel_name.clone(),
        title: video.title.clone(),
        description: video.description.clone(),
        category_id: video.category_id.0,
        tag_ids: video.tag_ids.iter().map(|tag| tag.0).collect(),
        access_tier: video.access_tier.number(),
        views: listed.views,
        duration_seconds: video.duration_seconds,
        thumbnail_url: String::new(),
        published_at: video.published_at.map(Into::into),
    }
}
