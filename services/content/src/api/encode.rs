//! Encodes videos and categories as contract messages.

use fenz_contract::content::v1 as pb;
use fenz_core::{Error, Result};
use tonic::{Response, metadata::AsciiMetadataValue};

use crate::{
    app::{CachedVideo, ListedVideo},
    domain::{Category, Video, Views},
};

/// A video with its playback URL, for a caller who may watch it.
pub fn playable(cached: &CachedVideo) -> pb::Video {
    let mut video = encode(&cached.video, cached.views(), cached.thumbnail_url.clone());
    video.is_hidden |= cached.channel_hidden;
    video.playback_url.clone_from(&cached.playback_url);
    video
}

/// A video in a list, with stored views only.
pub fn listed(listed: &ListedVideo) -> pb::Video {
    let mut video = encode(&listed.video, listed.video.views, listed.thumbnail_url.clone());
    video.is_hidden |= listed.channel_hidden;
    video
}

fn encode(video: &Video, views: Views, thumbnail_url: String) -> pb::Video {
    let (status, reason) = video.media.names();
    pb::Video {
        id: video.id.0,
        channel_id: video.channel_id.0,
        owner_id: video.owner.0,
        title: video.title.clone(),
        description: video.description.clone(),
        category_id: video.category.map_or(0, |c| c.0),
        tag_ids: video.tags.iter().map(|tag| tag.0).collect(),
        access_tier: video.tier.number(),
        is_published: video.is_published,
        is_hidden: video.hidden.any(),
        views: views.total(),
        views_member: views.member,
        views_non_member: views.other,
        duration_seconds: video.duration_seconds,
        width: video.width,
        height: video.height,
        thumbnail_url,
        playback_url: None,
        created_at: Some(video.created_at.into()),
        published_at: video.published_at.map(Into::into),
        updated_at: Some(video.updated_at.into()),
        status: status.to_owned(),
        status_reason: Some(reason).filter(|reason| !reason.is_empty()).map(str::to_owned),
        publish_at: video.publish_at.map(Into::into),
    }
}

pub fn category(category: Category) -> pb::Category {
    pb::Category { id: category.id.0, name: category.name, slug: category.slug }
}

/// A reply about one video, with its `ETag`.
pub fn with_etag<T>(reply: T, cached: &CachedVideo) -> Result<Response<T>> {
    let mut response = Response::new(reply);
    let etag = AsciiMetadataValue::try_from(cached.etag.as_str()).map_err(Error::internal)?;
    response.metadata_mut().insert("etag", etag);
    Ok(response)
}
