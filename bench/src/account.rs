//! Accounts and their videos, over HTTP.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http::Client;

/// Of all accounts, so that any stored hash can be verified with it.
pub const PASSWORD: &str = "correct horse battery staple";

pub struct Account {
    /// Also the id of the account's channel.
    pub id: String,
    pub token: String,
}

pub fn register(address: SocketAddr, username: &str) -> Result<Account> {
    let body = json!({
        "username": username,
        "email": format!("{username}@example.org"),
        "password": PASSWORD,
        "displayName": username,
    });
    let reply = Client::connect(address)?.call("POST", "/api/v1/auth/register", None, &body)?;
    Ok(Account { id: text(&reply, "/user/id")?, token: text(&reply, "/accessToken")? })
}

/// Returns the id of the upload.
pub fn upload(address: SocketAddr, token: &str, file: &Path) -> Result<String> {
    let uploaded = Client::connect(address)?.upload("/api/v1/upload/video", token, file)?;
    text(&uploaded, "/upload/id")
}

/// Creates a published video of an upload, and returns its path.
pub fn publish(client: &mut Client, token: &str, upload: &str) -> Result<String> {
    let body = json!({
        "title": "Seven bridges of a small town",
        "description": "A walk over all of them, without crossing one twice.",
        "videoUploadId": upload,
        "publish": true,
    });
    let created = client.call("POST", "/api/v1/videos", Some(token), &body)?;
    Ok(format!("/api/v1/videos/{}", text(&created, "/video/id")?))
}

fn text(reply: &Value, pointer: &str) -> Result<String> {
    let value = reply.pointer(pointer).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no {pointer} in {reply}"))?.to_owned())
}
