//! Decodes the partial edit of a video.

use fenz_contract::{content::v1::UpdateVideoRequest, time_field};
use fenz_core::{Error, Reason, Result, text};

use crate::domain::{CategoryId, TagId, Tier, UploadId, changes::Changes};

const FIELDS: [&str; 7] =
    ["title", "description", "category_id", "tag_ids", "thumbnail_upload_id", "access_tier", "publish_at"];

/// The fields in `update_fields`; when that is empty, all fields that are set.
///
/// # Errors
/// `INVALID_PARAMS` for an unknown field name, and for null in a field that
/// cannot be empty.
pub fn changes(request: UpdateVideoRequest) -> Result<Changes> {
    let fields = &request.update_fields;
    if let Some(unknown) = fields.iter().find(|name| *name != "id" && !FIELDS.contains(&name.as_str())) {
        return Err(Error::field(
            Reason::InvalidParams,
            "updateFields",
            format!("has no field to change called {unknown}"),
        ));
    }
    let is_named = |name: &str, is_set: bool| if fields.is_empty() { is_set } else { fields.iter().any(|f| f == name) };
    let is_named = |name, is_set| is_named(name, is_set).then_some(());
    Ok(Changes {
        title: is_named("title", request.title.is_some())
            .map(|()| text::line("title", &required("title", request.title)?))
            .transpose()?,
        description: is_named("description", request.description.is_some())
            .map(|()| request.description.unwrap_or_default()),
        category: is_named("category_id", request.category_id.is_some()).map(|()| category(request.category_id)),
        tags: is_named("tag_ids", !request.tag_ids.is_empty()).map(|()| tags(request.tag_ids)),
        thumbnail: is_named("thumbnail_upload_id", request.thumbnail_upload_id.is_some())
            .map(|()| required("thumbnailUploadId", request.thumbnail_upload_id).map(UploadId))
            .transpose()?,
        tier: is_named("access_tier", request.access_tier.is_some())
            .map(|()| required("accessTier", request.access_tier).map(Tier::from_number))
            .transpose()?,
        publish_at: is_named("publish_at", request.publish_at.is_some())
            .map(|()| time_field("publishAt", request.publish_at))
            .transpose()?,
    })
}

/// 0 means no category.
pub fn category(id: Option<i64>) -> Option<CategoryId> {
    id.filter(|id| *id != 0).map(CategoryId)
}

pub fn tags(ids: Vec<i64>) -> Vec<TagId> {
    ids.into_iter().map(TagId).collect()
}

fn required<T>(field: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::field(Reason::InvalidParams, field, "must not be null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[&str]) -> UpdateVideoRequest {
        UpdateVideoRequest {
            id: 1,
            update_fields: fields.iter().map(|f| (*f).to_owned()).collect(),
            ..UpdateVideoRequest::default()
        }
    }

    #[test]
    fn only_named_fields_change() {
        let set = UpdateVideoRequest { title: Some("t".into()), access_tier: Some(2), ..request(&[]) };
        let expected = Changes { title: Some("t".into()), tier: Some(Tier::Premium), ..Changes::default() };
        assert_eq!(changes(set.clone()).unwrap(), expected);
        let only_title = UpdateVideoRequest { update_fields: vec!["title".into()], ..set };
        assert_eq!(changes(only_title).unwrap(), Changes { tier: None, ..expected });
        assert_eq!(changes(request(&[])).unwrap(), Changes::default());
        assert_eq!(changes(request(&["id"])).unwrap(), Changes::default());
    }

    #[test]
    fn null_clears_optional_fields_only() {
        let cleared = changes(request(&["tag_ids", "category_id", "description", "publish_at"])).unwrap();
        let expected = Changes {
            tags: Some(vec![]),
            category: Some(None),
            description: Some(String::new()),
            publish_at: Some(None),
            ..Changes::default()
        };
        assert_eq!(cleared, expected);
        for field in ["title", "thumbnail_upload_id", "access_tier", "owner_id", "tagIds"] {
            assert_eq!(changes(request(&[field])).unwrap_err().reason, Reason::InvalidParams, "{field}");
        }
    }
}
