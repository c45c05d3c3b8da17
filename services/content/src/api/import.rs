//! Imports: the rules that the contract does not hold by itself, as they are
//! below the request's own fields.

use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, UserId};
use fenz_contract::{
    content::v1::{CreateVideoRequest, ImportedVideo},
    rules::{Violation, refuse, validate},
};
use pbjson_types::Timestamp;
use tonic::Status;
use tonic_types::StatusExt;

use super::edit;
use crate::{
    app::{Import, field_of_import as field},
    domain::Tier,
};

const MAX_KEY: usize = 64;

/// The video at a place of a request.
///
/// # Errors
/// What breaks a rule, on its field.
pub fn decode(place: usize, video: ImportedVideo) -> Result<Import, Status> {
    let bad = |name: &str, message: &str| Error::field(Reason::InvalidParams, &field(place, name), message);
    if !is_key(&video.import_key) {
        return Err(bad("importKey", "should be 1 to 64 letters, digits, `.`, `_`, `:`, `/` or `-`").into());
    }
    if video.owner_id <= 0 {
        return Err(bad("ownerId", "must be greater than 0").into());
    }
    if video.duration_seconds < 0 {
        return Err(bad("durationSeconds", "must be at least 0").into());
    }
    let created_at = moment(video.created_at).map_err(|message| bad("createdAt", message))?;
    let published_at = moment(video.published_at).map_err(|message| bad("publishedAt", message))?;
    let as_created = CreateVideoRequest {
        title: video.title,
        description: video.description,
        category_id: video.category_id,
        tag_ids: video.tag_ids,
        access_tier: video.access_tier,
        // Of those there are none here, and the rules want one.
        video_upload_id: 1,
        thumbnail_upload_id: None,
        publish: true,
    };
    validate(&as_created).map_err(|status| placed(place, &status))?;
    Ok(Import {
        key: video.import_key,
        owner: UserId(video.owner_id),
        title: as_created.title,
        description: as_created.description,
        category: edit::category(as_created.category_id),
        tags: as_created.tag_ids,
        tier: Tier::of(as_created.access_tier),
        duration_seconds: video.duration_seconds,
        created_at,
        published_at,
    })
}

/// Nothing that a database could take for the same as another.
fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b))
}

/// A refusal of one video as one of the whole request.
fn placed(place: usize, status: &Status) -> Status {
    let details = status.get_error_details();
    let reason = details.error_info().and_then(|info| Reason::from_str_name(&info.reason));
    let reason = reason.unwrap_or(Reason::InvalidParams).as_str_name();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    let violations = violations.iter().map(|violation| Violation {
        field: field(place, &violation.field),
        reason,
        description: violation.description.clone(),
    });
    refuse(reason, &violations.collect::<Vec<_>>())
}

/// To the microsecond, as it is stored; MySQL knows nothing from before 1970.
fn moment(at: Option<Timestamp>) -> Result<Option<DateTime<Utc>>, &'static str> {
    let Some(at) = at else { return Ok(None) };
    let micros = at.seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(i64::from(at.nanos) / 1_000));
    let time = micros.filter(|_| at.seconds > 0 && (0..1_000_000_000).contains(&at.nanos));
    time.and_then(DateTime::from_timestamp_micros).map(Some).ok_or("is no point in time since 1970")
}
