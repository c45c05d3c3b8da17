//! The use cases, one file each, and what they share.

mod administrators;
mod avatar;
mod ban_user;
mod confirm_password;
mod create_user;
mod delete_account;
mod email;
mod erase;
mod events;
mod failure_report;
mod first_admin;
mod hide_account;
mod hide_user;
mod keyed_semaphore;
mod keyring;
mod list_users;
mod login;
mod login_attempt;
mod moderate;
mod open_session;
mod password;
mod prune;
mod refresh;
mod register;
mod reset_password;
mod sessions;
mod update;
mod update_user;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fenz_chassis::{Platform, media_url::MediaUrls, settings::IdentitySettings, uploads::Uploads};
use fenz_core::{Clock, Error, IdGenerator, Random, Reason, Result, User, UserId};
use fenz_database::Txn;
use fenz_events::{Database, Outbox};
use sea_orm::DatabaseConnection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    domain::{
        account::Account,
        secret::{DigestKey, Token},
        session::Session,
    },
    hashing::Hasher,
    store::{secrets, sessions as stored_sessions, users},
};

pub use events::start_consumer;
use keyed_semaphore::KeyedSemaphore;
pub use keyring::{Keyring, rotate};
pub use login::Login;
pub use open_session::OpenedSession;
pub use register::Registration;
pub use update_user::UserChanges;

/// How much longer than its lifetime an access token may be valid, as clocks
/// differ.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// The dependencies of the use cases. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub ids: IdGenerator,
    pub random: Random,
    pub db: DatabaseConnection,
    pub outbox: Outbox,
    pub hasher: Hasher,
    pub keys: Keyring,
    /// Of what is typed at failed logins.
    digest_key: DigestKey,
    /// Issuer and audience of access tokens.
    pub identity: Arc<IdentitySettings>,
    /// Changes after each commit that ends sessions.
    session_ends: watch::Sender<()>,
    draining: CancellationToken,
    /// Media stores the avatars.
    pub uploads: Uploads,
    pub media_urls: MediaUrls,
    /// Limits concurrent password checks by throttle key.
    password_checks: KeyedSemaphore,
}

impl App {
    /// # Errors
    /// When a setting is wrong or the keys cannot be loaded.
    pub async fn new(
        platform: &Platform,
        database: &Database<crate::store::Migrator>,
        media_urls: MediaUrls,
        config: Config,
    ) -> anyhow::Result<Self> {
        let db = database.connection();
        let keys = Keyring::new(platform.authorizer.verifier.clone(), config.access_ttl + LEEWAY);
        keys.create_first(&db, &platform.clock, &platform.random).await?;
        keys.reload(&db, platform.clock.now()).await?;
        let digest_secret = secrets::get_or_insert(&db, "digest_key", Token::new(&platform.random).text).await?;
        Ok(Self {
            digest_key: DigestKey::new(&digest_secret)?,
            password_checks: KeyedSemaphore::default(),
            hasher: Hasher::new(&config.hash, platform.random.clone())?,
            config: Arc::new(config),
            clock: platform.clock.clone(),
            ids: platform.ids.clone(),
            random: platform.random.clone(),
            db,
            outbox: Outbox::start(platform, database).await?,
            keys,
            identity: Arc::new(platform.settings.identity.clone()),
            session_ends: watch::Sender::new(()),
            draining: platform.draining.clone(),
            uploads: Uploads::new(platform)?,
            media_urls,
        })
    }

    /// The open session of a caller, whose access token may have outlived it.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it has ended.
    async fn session(&self, caller: &User) -> Result<Session> {
        self.session_of(&self.db, caller).await
    }

    /// As [`Self::session`], for changes to other accounts that must not be made
    /// after the session has ended.
    async fn session_in_txn(&self, txn: &Txn, caller: &User) -> Result<()> {
        self.session_of(txn.as_ref(), caller).await?;
        Ok(())
    }

    async fn session_of(&self, db: &impl sea_orm::ConnectionTrait, caller: &User) -> Result<Session> {
        let session = stored_sessions::by_id(db, &caller.session).await?;
        session.filter(|s| s.user == caller.id && s.is_open(self.clock.now())).ok_or_else(session_ended)
    }

    /// The account of a caller whose session is open.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the session has ended.
    pub async fn me(&self, caller: &User) -> Result<Account> {
        self.session(caller).await?;
        // Deleted since the check, together with its sessions.
        users::by_id(&self.db, caller.id).await?.ok_or_else(session_ended)
    }

    /// The signed path of an account's avatar; empty without one. It stays the
    /// same for a day and is valid for a week, so that caches can store the image.
    pub fn avatar_url(&self, account: &Account) -> String {
        const DAY: i64 = 24 * 3600;
        let expires = ((self.clock.unix() + 7 * DAY) / DAY + 1) * DAY;
        account.avatar_upload_id.map(|id| self.media_urls.sign(id, expires)).unwrap_or_default()
    }
}

fn invalid_one_time_token() -> Error {
    Error::field(Reason::TokenInvalid, "token", "is invalid, used or expired")
}

fn session_ended() -> Error {
    Error::new(Reason::TokenInvalid, "this session has ended; sign in again")
}

fn require_found(account: Option<Account>) -> Result<Account> {
    account.ok_or_else(|| Error::new(Reason::UserNotFound, "there is no such user"))
}

/// The account, locked until the transaction ends.
async fn locked_in_txn(txn: &impl sea_orm::ConnectionTrait, user: UserId) -> Result<Account> {
    require_found(users::locked_in_txn(txn, user).await?)
}

/// Stores a changed account as its next version.
async fn save_in_txn(txn: &impl sea_orm::ConnectionTrait, account: &mut Account, now: DateTime<Utc>) -> Result<()> {
    account.version += 1;
    Ok(users::update_in_txn(txn, account, now).await?)
}
