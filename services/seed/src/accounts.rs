//! Accounts of the administrator, creators and viewers.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use fenz_contract::{
    auth::v1::{LoginRequest, LoginResponse, ResetPasswordRequest, ResetPasswordResponse},
    channel::v1::{GetFeeResponse, UpdateFeeRequest, UpdateFeeResponse},
    user::v1::{CreatePasswordResetResponse, CreateUserRequest, CreateUserResponse, ListUsersResponse, User},
};
use fenz_core::Random;
use serde_json::json;

use crate::{
    api::{Api, has_reason},
    catalogue::CreatorProfile,
};

/// How long the channel of a new account may take: it is created by an event.
pub const CHANNEL_TIMEOUT: Duration = Duration::from_secs(20);

/// A signed-in account.
#[derive(Clone)]
pub struct Account {
    pub id: i64,
    pub token: String,
}

pub async fn sign_in(api: &Api, username: &str, password: &str) -> Result<Account> {
    let body = LoginRequest { username: username.to_owned(), password: password.to_owned(), session_id: None };
    let reply: LoginResponse = api.post("auth/login", None, &body).await?;
    let user = reply.user.context("the reply to a login is empty")?;
    Ok(Account { id: user.id, token: reply.access_token })
}

/// Credentials of an account.
pub struct Login<'a> {
    pub api: &'a Api,
    pub username: &'a str,
    pub password: &'a str,
}

impl Login<'_> {
    pub async fn sign_in(&self) -> Result<Account> {
        sign_in(self.api, self.username, self.password).await
    }
}

/// The password of created accounts: configured, or generated and printed once.
pub struct Password {
    pub text: String,
    pub is_generated: bool,
}

impl Password {
    pub fn new(configured: Option<String>) -> Self {
        let is_generated = configured.is_none();
        let text = configured.unwrap_or_else(|| format!("{:016x}", Random::default().value::<u64>()));
        Self { text, is_generated }
    }
}

/// A creator of the catalogue.
pub struct Creator {
    pub id: i64,
    pub username: &'static str,
    pub is_new: bool,
}

/// Finds or creates a creator's account.
pub async fn creator(api: &Api, admin: &Account, profile: &CreatorProfile, password: &Password) -> Result<Creator> {
    let username = profile.username;
    if let Some(user) = find(api, admin, username).await? {
        return Ok(Creator { id: user.id, username, is_new: false });
    }
    let body = CreateUserRequest {
        username: username.to_owned(),
        email: format!("{username}@example.org"),
        password: password.text.clone(),
        display_name: profile.display_name.to_owned(),
        role: None,
    };
    let reply: CreateUserResponse = api.post("admin/users", Some(&admin.token), &body).await?;
    let user = reply.user.context("the reply to a new user is empty")?;
    Ok(Creator { id: user.id, username, is_new: true })
}

async fn find(api: &Api, admin: &Account, username: &str) -> Result<Option<User>> {
    let path = format!("admin/users?pageSize=100&search={username}");
    let reply: ListUsersResponse = api.get(&path, Some(&admin.token)).await?;
    Ok(reply.users.into_iter().find(|user| user.username == username))
}

/// Signs a creator in. If the password differs, the administrator resets it, and the
/// flag is true.
pub async fn sign_in_creator(
    api: &Api,
    admin: &Account,
    creator: &Creator,
    password: &Password,
) -> Result<(Account, bool)> {
    match sign_in(api, creator.username, &password.text).await {
        Ok(account) => return Ok((account, false)),
        Err(error) if has_reason(&error, "INVALID_CREDENTIALS") => {}
        Err(error) => return Err(error),
    }
    let path = format!("admin/users/{}/password-reset", creator.id);
    let reset: CreatePasswordResetResponse = api.post(&path, Some(&admin.token), &json!({})).await?;
    let body = ResetPasswordRequest { token: reset.token, new_password: password.text.clone() };
    let _done: ResetPasswordResponse = api.post("auth/password-reset", None, &body).await?;
    Ok((sign_in(api, creator.username, &password.text).await?, true))
}

/// Sets a channel's fee, unless it has one. Waits for the channel, which an event
/// creates.
pub async fn ensure_fee(api: &Api, owner: &Account) -> Result<()> {
    let token = Some(owner.token.as_str());
    let started = tokio::time::Instant::now();
    let fee: GetFeeResponse = loop {
        match api.get("dashboard/fee", token).await {
            Ok(fee) => break fee,
            Err(error) if has_reason(&error, "CHANNEL_NOT_FOUND") && started.elapsed() < CHANNEL_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) if has_reason(&error, "CHANNEL_NOT_FOUND") => {
                bail!("the channel of user {} was not created: do events reach the services?", owner.id)
            }
            Err(error) => return Err(error),
        }
    };
    let has_fee = fee.fee.is_some_and(|fee| fee.amount.bytes().any(|b| b.is_ascii_digit() && b != b'0'));
    if has_fee {
        return Ok(());
    }
    let amount = format!("{}.99", 2 + Random::default().value::<u8>() % 18);
    let body = UpdateFeeRequest { amount, currency: "USD".to_owned() };
    let _set: UpdateFeeResponse = api.put("dashboard/fee", token, &body).await?;
    Ok(())
}
