//! Decodes imported videos.

use chrono::{DateTime, Utc};
use fenz_contract::content::v1::ImportedVideo;
use fenz_core::{Error, Reason, Result, UserId};
use pbjson_types::Timestamp;

use super::edit;
use crate::{
    app::{Import, field_of_import as field},
    domain::Tier,
};

/// Decodes the video at an index of the request.
///
/// # Errors
/// `INVALID_PARAMS` for a timestamp, on its field.
pub fn decode(index: usize, video: ImportedVideo) -> Result<Import> {
    let time =
        |name, at| timestamp(at).map_err(|message| Error::field(Reason::InvalidParams, &field(index, name), message));
    Ok(Import {
        key: video.import_key,
        owner: UserId(video.owner_id),
        title: video.title,
        description: video.description,
        category: edit::category(video.category_id),
        tags: video.tag_ids,
        tier: Tier::from_number(video.access_tier),
        duration_seconds: video.duration_seconds,
        created_at: time("createdAt", video.created_at)?,
        published_at: time("publishedAt", video.published_at)?,
    })
}

/// Truncated to microseconds, the stored precision. MySQL has no timestamps before
/// 1970.
fn timestamp(at: Option<Timestamp>) -> Result<Option<DateTime<Utc>>, &'static str> {
    let Some(at) = at else { return Ok(None) };
    let micros = at.seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(i64::from(at.nanos) / 1_000));
    let time = micros.filter(|_| at.seconds > 0 && (0..1_000_000_000).contains(&at.nanos));
    time.and_then(DateTime::from_timestamp_micros).map(Some).ok_or("is no point in time since 1970")
}
