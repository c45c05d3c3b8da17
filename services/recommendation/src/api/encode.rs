//! Maps tags and videos to and from the messages of the contract.

use std::sync::Arc;

use fenz_contract::recommendation::v1 as pb;

use crate::domain::{Tag, TagId};

pub fn tag(tag: Tag) -> pb::Tag {
    pb::Tag { id: tag.id.0, name: tag.name, slug: tag.slug }
}

pub fn tags(tags: Vec<Tag>) -> Vec<pb::Tag> {
    tags.into_iter().map(tag).collect()
}

pub fn tag_ids(ids: Vec<i64>) -> Vec<TagId> {
    ids.into_iter().map(TagId).collect()
}

pub fn summaries(videos: &[Arc<pb::VideoSummary>]) -> Vec<pb::VideoSummary> {
    videos.iter().map(|video| (**video).clone()).collect()
}
