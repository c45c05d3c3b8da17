//! Generated viewers and their subscriptions. The gateway's rate limits slow this down;
//! start the platform without them.

use anyhow::{Context, Result};
use fenz_contract::{
    channel::v1::SubscribeResponse,
    user::v1::{CreateUserRequest, CreateUserResponse, ListUsersResponse},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    accounts::{self, Account, Creator, Password},
    api::{Api, has_reason},
    bar,
    catalogue::CREATORS,
};

/// Concurrent requests.
const CONCURRENCY: usize = 16;
const VIEWER_PREFIX: &str = "viewer_";

/// Totals to reach.
pub struct Targets {
    pub users: usize,
    pub subscriptions: usize,
}

/// Creates missing viewers and subscriptions. Whether accounts were created.
pub async fn ensure(api: &Api, admin: &Account, password: &Password, targets: &Targets) -> Result<bool> {
    let created = create_viewers(api, admin, password, targets.users).await?;
    if targets.subscriptions > 0 {
        subscribe(api, admin, password, targets).await?;
    }
    Ok(created)
}

fn viewer_name(number: usize) -> String {
    format!("{VIEWER_PREFIX}{number:07}")
}

async fn create_viewers(api: &Api, admin: &Account, password: &Password, users: usize) -> Result<bool> {
    if users == 0 {
        return Ok(false);
    }
    let found: ListUsersResponse =
        api.get(&format!("admin/users?pageSize=1&search={VIEWER_PREFIX}"), Some(&admin.token)).await?;
    let existing = found.total as usize;
    let progress = bar(users.saturating_sub(existing), "viewers");
    stream::iter(existing..users)
        .map(|number| async move {
            let username = viewer_name(number);
            let body = CreateUserRequest {
                email: format!("{username}@example.org"),
                display_name: String::new(),
                password: password.text.clone(),
                role: None,
                username,
            };
            match api.post::<CreateUserResponse>("admin/users", Some(&admin.token), &body).await {
                // Created by an interrupted run.
                Err(error) if !has_reason(&error, "USERNAME_TAKEN") => Err(error),
                _ => Ok(()),
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|()| {
            progress.inc(1);
            std::future::ready(Ok(()))
        })
        .await?;
    progress.finish();
    Ok(users > existing)
}

/// Finds or creates all creators' accounts.
pub async fn creators(api: &Api, admin: &Account, password: &Password) -> Result<Vec<Creator>> {
    let mut creators = Vec::with_capacity(CREATORS.len());
    for profile in &CREATORS {
        creators.push(accounts::creator(api, admin, profile, password).await?);
    }
    Ok(creators)
}

/// The first viewer subscribes to every creator, then the second, and so on.
async fn subscribe(api: &Api, admin: &Account, password: &Password, targets: &Targets) -> Result<()> {
    let channels: Vec<i64> = creators(api, admin, password).await?.iter().map(|c| c.id).collect();
    let viewers = targets.subscriptions.div_ceil(channels.len()).min(targets.users);
    let channels = &channels;
    let progress = bar(viewers * channels.len(), "subscriptions");
    stream::iter(0..viewers)
        .map(|number| async move {
            let account = accounts::sign_in(api, &viewer_name(number), &password.text).await.context(
                "a viewer cannot sign in: FENZ_SEED__PASSWORD should be the password that they were created with",
            )?;
            for channel in channels {
                let path = format!("channels/{channel}/subscribe");
                match api.post::<SubscribeResponse>(&path, Some(&account.token), &json!({})).await {
                    Err(error) if !has_reason(&error, "ALREADY_SUBSCRIBED") => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|()| {
            progress.inc(channels.len() as u64);
            std::future::ready(Ok(()))
        })
        .await?;
    progress.finish();
    Ok(())
}
