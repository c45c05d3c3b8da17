//! The use cases, one file each, and what they share.

mod administrators;
mod attempt;
mod avatar;
mod ban_user;
mod create_user;
mod delete_account;
mod email;
mod erase;
mod events;
mod failure_report;
mod first_admin;
mod hide_account;
mod hide_user;
mod keyring;
mod list_users;
mod login;
mod moderate;
mod open_session;
mod password;
mod prune;
mod refresh;
mod register;
mod reset_password;
mod sessions;
mod turns;
mod update;
mod update_user;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fenz_chassis::{
    Clock, Error, IdMaker, Platform, Reason, Result, User, UserId, database::Txn, media_url::MediaUrls,
    peers::PeerChannel, settings::IdentitySettings,
};
use fenz_contract::media::v1::upload_service_client::UploadServiceClient;
use fenz_events::Outbox;
use sea_orm::DatabaseConnection;

use crate::{
    config::Config,
    domain::{account::Account, session::Session},
    hashing::Hasher,
    store::{sessions as stored_sessions, users},
};

pub use events::hear;
pub use keyring::{Keyring, rotate};
pub use list_users::Filter;
pub use login::Login;
pub use open_session::Opened;
pub use register::Registration;
pub use update_user::UserChanges;

/// The longest that an access token may be alive after its session ended, as
/// clocks differ.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// What the use cases work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub ids: IdMaker,
    pub db: DatabaseConnection,
    pub outbox: Outbox,
    pub hasher: Hasher,
    pub keys: Keyring,
    /// What access tokens say about where they are from.
    pub identity: Arc<IdentitySettings>,
    /// Keeps avatars; none where it has no address.
    pub media: Option<UploadServiceClient<PeerChannel>>,
    pub media_urls: MediaUrls,
    turns: turns::Turns,
}

impl App {
    /// # Errors
    /// When a setting is wrong or the keys cannot be had.
    pub async fn new(platform: &Platform, config: Config) -> anyhow::Result<Self> {
        let db = platform.db()?;
        let keys = Keyring::new(platform.gatekeeper.verifier.clone(), config.access_ttl + LEEWAY);
        keys.make_first(&db, &platform.clock).await?;
        keys.reload(&db, platform.clock.now()).await?;
        let turns = turns::Turns::new(config.throttle.free_failures as usize);
        Ok(Self {
            hasher: Hasher::new(&config.hash)?,
            config: Arc::new(config),
            clock: platform.clock.clone(),
            ids: platform.ids.clone(),
            db,
            outbox: Outbox::start(platform).await?,
            keys,
            identity: Arc::new(platform.settings.identity.clone()),
            media: platform.peers.find("media")?.map(UploadServiceClient::new),
            media_urls: platform.media_urls()?,
            turns,
        })
    }

    /// The session of a caller. Access tokens outlive their session by minutes;
    /// here, where it is known, they do not.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it has ended.
    async fn session(&self, caller: &User) -> Result<Session> {
        self.session_of(&self.db, caller).await
    }

    /// As [`Self::session`], where what the caller does to others must not
    /// outlive it.
    async fn session_in_txn(&self, txn: &Txn, caller: &User) -> Result<()> {
        self.session_of(txn.as_ref(), caller).await?;
        Ok(())
    }

    async fn session_of(&self, db: &impl sea_orm::ConnectionTrait, caller: &User) -> Result<Session> {
        let session = stored_sessions::by_id(db, &caller.session).await?;
        session.filter(|s| s.user == caller.id && s.is_open(self.clock.now())).ok_or_else(session_over)
    }

    /// The account of a caller whose session is open.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the session has ended.
    pub async fn me(&self, caller: &User) -> Result<Account> {
        self.session(caller).await?;
        // Gone in between, and its sessions with it.
        users::by_id(&self.db, caller.id).await?.ok_or_else(session_over)
    }

    /// The path of an account's avatar; empty without one. It stays the same
    /// for a day and works for a week, so that caches can keep the picture.
    pub fn avatar_url(&self, account: &Account) -> String {
        const DAY: i64 = 24 * 3600;
        let expires = ((self.clock.unix() + 7 * DAY) / DAY + 1) * DAY;
        account.avatar_upload_id.map(|id| self.media_urls.sign(id, expires)).unwrap_or_default()
    }
}

fn session_over() -> Error {
    Error::new(Reason::TokenInvalid, "this session has ended; sign in again")
}

fn known(account: Option<Account>) -> Result<Account> {
    account.ok_or_else(|| Error::new(Reason::UserNotFound, "there is no such user"))
}

/// The account, which nobody else changes until the transaction ends.
async fn locked_in_txn(txn: &impl sea_orm::ConnectionTrait, user: UserId) -> Result<Account> {
    known(users::locked_in_txn(txn, user).await?)
}

/// Stores a changed account as its next version.
async fn save_in_txn(txn: &impl sea_orm::ConnectionTrait, account: &mut Account, now: DateTime<Utc>) -> Result<()> {
    account.version += 1;
    Ok(users::update_in_txn(txn, account, now).await?)
}
