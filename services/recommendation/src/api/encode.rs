//! Tags and videos as the contract has them.

use std::sync::Arc;

use fenz_contract::recommendation::v1 as pb;

use crate::{app::Card, domain::Tag};

pub fn tag(tag: Tag) -> pb::Tag {
    pb::Tag { id: tag.id.0, name: tag.name, slug: tag.slug }
}

pub fn tags(tags: Vec<Tag>) -> Vec<pb::Tag> {
    tags.into_iter().map(tag).collect()
}

pub fn summaries(cards: &[Arc<Card>]) -> Vec<pb::VideoSummary> {
    cards.iter().map(|card| card.summary.clone()).collect()
}
