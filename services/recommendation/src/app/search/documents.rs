//! Maps listed videos to changes of the index.

use fenz_database::DbError;
use fenz_search_index::{Change, Document};
use std::collections::HashMap;

use sea_orm::DatabaseConnection;

use crate::{
    domain::{ListedVideo, TagId},
    store::tags,
};

/// Visible videos are put into the index, others removed.
pub async fn changes(db: &DatabaseConnection, videos: Vec<ListedVideo>) -> Result<Vec<Change>, DbError> {
    let mut ids: Vec<TagId> = videos.iter().flat_map(|video| video.video.tag_ids.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let names: HashMap<TagId, String> = tags::find(db, &ids).await?.into_iter().map(|tag| (tag.id, tag.name)).collect();
    Ok(videos.into_iter().map(|video| change(video, &names)).collect())
}

fn change(listed: ListedVideo, names: &HashMap<TagId, String>) -> Change {
    let ListedVideo { video, channel_name, views, is_visible, .. } = listed;
    if !is_visible {
        return Change::Delete(video.id.0);
    }
    Change::Put(Document {
        id: video.id.0,
        channel_id: video.channel_id.0,
        category_id: video.category_id.0,
        tag_names: video.tag_ids.iter().filter_map(|id| names.get(id).cloned()).collect(),
        tag_ids: video.tag_ids.into_iter().map(|tag| tag.0).collect(),
        title: video.title,
        description: video.description,
        channel_name,
        duration: video.duration_seconds.into(),
        published_at: video.published_at.unwrap_or(video.created_at).timestamp(),
        views: views.max(0) as u64,
        tier: video.access_tier as u8,
    })
}
