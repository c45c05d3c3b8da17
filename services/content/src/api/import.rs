//! Decodes imported videos.

use fenz_contract::{content::v1::ImportedVideo, time_field};
use fenz_core::{Error, Reason, Result, UserId, text};

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
    let time = |name, at| {
        let (field, at) = (field(index, name), time_field(&field(index, name), at)?);
        // MySQL has no timestamps before.
        if at.is_some_and(|at| at.timestamp() <= 0) {
            return Err(Error::field(Reason::InvalidParams, &field, "should be a time after 1970"));
        }
        Ok(at)
    };
    Ok(Import {
        key: video.import_key,
        owner: UserId(video.owner_id),
        title: text::line(&field(index, "title"), &video.title)?,
        description: video.description,
        category: edit::category(video.category_id),
        tags: edit::tags(video.tag_ids),
        tier: Tier::from_number(video.access_tier),
        duration_seconds: video.duration_seconds,
        created_at: time("createdAt", video.created_at)?,
        published_at: time("publishedAt", video.published_at)?,
    })
}
