//! Large catalogues: viewers, further videos, subscriptions. Limits of the
//! gateway slow it down; start the platform without them for this.

use std::path::Path;

use anyhow::{Context, Result};
use fenz_contract::{
    channel::v1::SubscribeResponse,
    content::v1::{CreateVideoRequest, CreateVideoResponse, ListAllVideosResponse},
    user::v1::{CreateUserRequest, CreateUserResponse, ListUsersResponse},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    accounts::{self, Account, Creator, Password},
    api::{Api, is_refused_for},
    bar,
    catalogue::{CREATORS, TOPICS},
    clips,
};

/// Requests under way at once.
const AT_ONCE: usize = 16;
const VIEWER: &str = "viewer_";

/// How many there are to be.
pub struct Wanted {
    pub users: usize,
    pub videos: usize,
    pub subscriptions: usize,
}

/// Adds what is missing to what is wanted. Whether accounts were made.
pub async fn gather(
    api: &Api,
    admin: &Account,
    password: &Password,
    categories: &[i64],
    tags: &[i64],
    folder: &Path,
    wanted: &Wanted,
) -> Result<bool> {
    let made = make_viewers(api, admin, password, wanted.users).await?;
    if wanted.videos > 0 {
        make_videos(api, admin, password, (categories, tags), folder, wanted.videos).await?;
    }
    if wanted.subscriptions > 0 {
        subscribe(api, admin, password, wanted).await?;
    }
    Ok(made)
}

fn viewer(number: usize) -> String {
    format!("{VIEWER}{number:07}")
}

async fn make_viewers(api: &Api, admin: &Account, password: &Password, users: usize) -> Result<bool> {
    if users == 0 {
        return Ok(false);
    }
    let there: ListUsersResponse =
        api.get(&format!("admin/users?pageSize=1&search={VIEWER}"), Some(&admin.token)).await?;
    let there = there.total as usize;
    let progress = bar(users.saturating_sub(there), "viewers");
    stream::iter(there..users)
        .map(|number| async move {
            let username = viewer(number);
            let body = CreateUserRequest {
                email: format!("{username}@example.org"),
                display_name: String::new(),
                password: password.text.clone(),
                role: None,
                username,
            };
            match api.post::<CreateUserResponse>("admin/users", Some(&admin.token), &body).await {
                // Made by a run that was broken off.
                Err(error) if !is_refused_for(&error, "USERNAME_TAKEN") => Err(error),
                _ => Ok(()),
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| {
            progress.inc(1);
            std::future::ready(Ok(()))
        })
        .await?;
    progress.finish();
    Ok(users > there)
}

async fn creators(api: &Api, admin: &Account, password: &Password) -> Result<Vec<Creator>> {
    let mut creators = Vec::with_capacity(CREATORS.len());
    for who in &CREATORS {
        creators.push(accounts::creator(api, admin, who, password).await?);
    }
    Ok(creators)
}

async fn make_videos(
    api: &Api,
    admin: &Account,
    password: &Password,
    (categories, tags): (&[i64], &[i64]),
    folder: &Path,
    videos: usize,
) -> Result<()> {
    let there: ListAllVideosResponse = api.get("admin/videos?pageSize=1", Some(&admin.token)).await?;
    let have = (there.total as usize).saturating_sub(TOPICS.len());
    if have >= videos {
        return Ok(());
    }
    let mut owners = Vec::new();
    for creator in creators(api, admin, password).await? {
        owners.push(accounts::enter(api, admin, &creator, password).await?.0);
    }
    let clip = clips::make(folder, 0).await?;
    let (clip, owners) = (&clip, &owners);
    let progress = bar(videos - have, "more videos");
    stream::iter(have..videos)
        .map(|number| async move {
            let owner = &owners[number % owners.len()];
            let upload = api.upload("upload/video", &owner.token, &clip.video).await?;
            let topic = &TOPICS[number % TOPICS.len()];
            let body = CreateVideoRequest {
                title: format!("{} #{number}", topic.title),
                description: topic.description.to_owned(),
                category_id: Some(categories[number % categories.len()]),
                tag_ids: vec![tags[number % tags.len()]],
                video_upload_id: upload.id,
                thumbnail_upload_id: None,
                access_tier: 0,
                publish: true,
            };
            let reply: CreateVideoResponse = api.post("videos", Some(&owner.token), &body).await?;
            reply.video.context("the reply to a new video is empty").map(drop)
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| {
            progress.inc(1);
            std::future::ready(Ok(()))
        })
        .await?;
    progress.finish();
    Ok(())
}

/// The first viewer subscribes to every creator, then the second, and so on.
async fn subscribe(api: &Api, admin: &Account, password: &Password, wanted: &Wanted) -> Result<()> {
    let channels: Vec<i64> = creators(api, admin, password).await?.iter().map(|c| c.id).collect();
    let viewers = wanted.subscriptions.div_ceil(channels.len()).min(wanted.users);
    let channels = &channels;
    let progress = bar(viewers * channels.len(), "subscriptions");
    stream::iter(0..viewers)
        .map(|number| async move {
            let account = accounts::sign_in(api, &viewer(number), &password.text).await.context(
                "a viewer cannot sign in: FENZ_SEED__PASSWORD should be the password that they were made with",
            )?;
            for channel in channels {
                let path = format!("channels/{channel}/subscribe");
                match api.post::<SubscribeResponse>(&path, Some(&account.token), &json!({})).await {
                    Err(error) if !is_refused_for(&error, "ALREADY_SUBSCRIBED") => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| {
            progress.inc(channels.len() as u64);
            std::future::ready(Ok(()))
        })
        .await?;
    progress.finish();
    Ok(())
}
