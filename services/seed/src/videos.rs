//! The videos of the catalogue: one per tag, distributed over creators and categories.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use fenz_contract::{
    content::v1::{
        CreateCategoryRequest, CreateCategoryResponse, CreateVideoRequest, CreateVideoResponse, GetVideoResponse,
        ListAllVideosResponse, ListCategoriesResponse, Video,
    },
    recommendation::v1::{CreateTagRequest, CreateTagResponse, ListTagsResponse},
};
use fenz_core::Random;

use crate::{
    accounts::Account,
    api::Api,
    catalogue::{CATEGORIES, TOPICS},
    clips,
    gemini::Text,
};

/// The ids of the catalogue's categories, in order. Creates missing ones.
pub async fn ensure_categories(api: &Api, admin: &Account) -> Result<Vec<i64>> {
    let found: ListCategoriesResponse = api.get("categories", None).await?;
    let existing: BTreeMap<_, _> = found.categories.into_iter().map(|c| (c.slug, c.id)).collect();
    let mut ids = Vec::with_capacity(CATEGORIES.len());
    for category in &CATEGORIES {
        if let Some(id) = existing.get(category.slug) {
            ids.push(*id);
            continue;
        }
        let body = CreateCategoryRequest { name: category.name.to_owned(), slug: category.slug.to_owned() };
        let created: CreateCategoryResponse = api.post("admin/categories", Some(&admin.token), &body).await?;
        ids.push(created.category.context("the reply to a new category is empty")?.id);
    }
    Ok(ids)
}

/// The ids of the catalogue's tags, in order. Creates missing ones.
pub async fn ensure_tags(api: &Api, admin: &Account) -> Result<Vec<i64>> {
    let found: ListTagsResponse = api.get("tags", None).await?;
    let existing: BTreeMap<_, _> = found.tags.into_iter().map(|t| (t.slug, t.id)).collect();
    let mut ids = Vec::with_capacity(TOPICS.len());
    for topic in &TOPICS {
        if let Some(id) = existing.get(topic.tag.slug) {
            ids.push(*id);
            continue;
        }
        let body = CreateTagRequest { name: topic.tag.name.to_owned(), slug: topic.tag.slug.to_owned() };
        let created: CreateTagResponse = api.post("admin/tags", Some(&admin.token), &body).await?;
        ids.push(created.tag.context("the reply to a new tag is empty")?.id);
    }
    Ok(ids)
}

/// All videos of a channel, in every state.
pub async fn of_channel(api: &Api, admin: &Account, channel: i64) -> Result<Vec<Video>> {
    let mut videos = Vec::new();
    for page in 1.. {
        let path = format!("admin/videos?channelId={channel}&pageSize=100&page={page}");
        let reply: ListAllVideosResponse = api.get(&path, Some(&admin.token)).await?;
        videos.extend(reply.videos);
        if videos.len() as i64 >= reply.total {
            break;
        }
    }
    Ok(videos)
}

pub struct NewVideo {
    pub number: usize,
    pub text: Text,
    pub category: i64,
    pub tags: Vec<i64>,
}

/// Generates, uploads and publishes a video.
pub async fn publish(api: &Api, owner: &Account, folder: &Path, new: NewVideo) -> Result<i64> {
    let clip = clips::generate(folder, new.number).await?;
    let video = api.upload("upload/video", &owner.token, &clip.video).await?;
    let thumbnail = api.upload("upload/thumbnail", &owner.token, &clip.thumbnail).await?;
    let body = CreateVideoRequest {
        title: new.text.title,
        description: new.text.description,
        category_id: Some(new.category),
        tag_ids: new.tags,
        video_upload_id: video.id,
        thumbnail_upload_id: Some(thumbnail.id),
        access_tier: 0,
        publish: true,
        publish_at: None,
    };
    let reply: CreateVideoResponse = api.post("videos", Some(&owner.token), &body).await?;
    Ok(reply.video.context("the reply to a new video is empty")?.id)
}

/// Watches a video as some of the viewers.
pub async fn watch(api: &Api, viewers: &[Account], video: i64) -> Result<()> {
    let random = Random::default();
    for viewer in viewers {
        if random.value::<f64>() < 0.6 {
            let _seen: GetVideoResponse = api.get(&format!("videos/{video}"), Some(&viewer.token)).await?;
        }
    }
    Ok(())
}
