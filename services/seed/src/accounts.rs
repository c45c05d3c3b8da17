//! Who is in the catalogue: the administrator, creators, viewers.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use fenz_contract::{
    auth::v1::{LoginRequest, LoginResponse, ResetPasswordRequest, ResetPasswordResponse},
    channel::v1::{GetFeeResponse, UpdateFeeRequest, UpdateFeeResponse},
    user::v1::{CreatePasswordResetResponse, CreateUserRequest, CreateUserResponse, ListUsersResponse, User},
};
use serde_json::json;

use crate::api::{Api, is_refused_for};

/// How long a channel may take to come after its owner.
pub const CHANNEL_WAIT: Duration = Duration::from_secs(20);

/// Somebody who is signed in.
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

/// What somebody signs in with.
pub struct Login<'a> {
    pub api: &'a Api,
    pub username: &'a str,
    pub password: &'a str,
}

impl Login<'_> {
    pub async fn enter(&self) -> Result<Account> {
        sign_in(self.api, self.username, self.password).await
    }
}

/// The password of the accounts that are made: the one that was set, or one of
/// our own, to be printed once.
pub struct Password {
    pub text: String,
    pub is_ours: bool,
}

impl Password {
    pub fn new(set: Option<String>) -> Self {
        let is_ours = set.is_none();
        let text = set.unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
        Self { text, is_ours }
    }
}

/// A creator of the catalogue.
pub struct Creator {
    pub id: i64,
    pub username: &'static str,
    pub is_new: bool,
}

/// Finds or makes a creator's account.
pub async fn creator(
    api: &Api,
    admin: &Account,
    creator: &crate::catalogue::Creator,
    password: &Password,
) -> Result<Creator> {
    let username = creator.username;
    if let Some(user) = find(api, admin, username).await? {
        return Ok(Creator { id: user.id, username, is_new: false });
    }
    let body = CreateUserRequest {
        username: username.to_owned(),
        email: format!("{username}@example.org"),
        password: password.text.clone(),
        display_name: creator.display_name.to_owned(),
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

/// Signs a creator in. Where the password is another, an administrator's reset
/// sets this one: true then.
pub async fn enter(api: &Api, admin: &Account, creator: &Creator, password: &Password) -> Result<(Account, bool)> {
    match sign_in(api, creator.username, &password.text).await {
        Ok(account) => return Ok((account, false)),
        Err(error) if is_refused_for(&error, "INVALID_CREDENTIALS") => {}
        Err(error) => return Err(error),
    }
    let path = format!("admin/users/{}/password-reset", creator.id);
    let reset: CreatePasswordResetResponse = api.post(&path, Some(&admin.token), &json!({})).await?;
    let body = ResetPasswordRequest { token: reset.token, new_password: password.text.clone() };
    let _done: ResetPasswordResponse = api.post("auth/password-reset", None, &body).await?;
    Ok((sign_in(api, creator.username, &password.text).await?, true))
}

/// Gives a channel a fee, unless it has one. The channel comes by an event,
/// moments after its owner.
pub async fn ensure_fee(api: &Api, owner: &Account) -> Result<()> {
    let token = Some(owner.token.as_str());
    let begun = tokio::time::Instant::now();
    let fee: GetFeeResponse = loop {
        match api.get("dashboard/fee", token).await {
            Ok(fee) => break fee,
            Err(error) if is_refused_for(&error, "CHANNEL_NOT_FOUND") && begun.elapsed() < CHANNEL_WAIT => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) if is_refused_for(&error, "CHANNEL_NOT_FOUND") => {
                bail!("the channel of {} does not come: do the services reach each other's events?", owner.id)
            }
            Err(error) => return Err(error),
        }
    };
    let has_one = fee.fee.is_some_and(|fee| fee.amount.bytes().any(|b| b.is_ascii_digit() && b != b'0'));
    if has_one {
        return Ok(());
    }
    let amount = format!("{}.99", rand::random_range(2..=19));
    let body = UpdateFeeRequest { amount, currency: "USD".to_owned() };
    let _set: UpdateFeeResponse = api.put("dashboard/fee", token, &body).await?;
    Ok(())
}
