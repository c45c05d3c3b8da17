//! Crowds: viewers and their subscriptions. Limits of the gateway slow it down;
//! start the platform without them for this.

use anyhow::{Context, Result};
use fenz_contract::{
    channel::v1::SubscribeResponse,
    user::v1::{CreateUserRequest, CreateUserResponse, ListUsersResponse},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    accounts::{self, Account, Creator, Password},
    api::{Api, is_refused_for},
    bar,
    catalogue::CREATORS,
};

/// Requests under way at once.
const AT_ONCE: usize = 16;
const VIEWER: &str = "viewer_";

/// How many there are to be.
pub struct Wanted {
    pub users: usize,
    pub subscriptions: usize,
}

/// Adds what is missing to what is wanted. Whether accounts were made.
pub async fn gather(api: &Api, admin: &Account, password: &Password, wanted: &Wanted) -> Result<bool> {
    let made = make_viewers(api, admin, password, wanted.users).await?;
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

/// Finds or makes all creators' accounts.
pub async fn creators(api: &Api, admin: &Account, password: &Password) -> Result<Vec<Creator>> {
    let mut creators = Vec::with_capacity(CREATORS.len());
    for who in &CREATORS {
        creators.push(accounts::creator(api, admin, who, password).await?);
    }
    Ok(creators)
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
