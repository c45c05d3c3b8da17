//! Accounts, sessions and tokens: authentication for every service.
//!
//! The service hosts `auth.v1` and `user.v1`. A login opens a session. Its
//! access tokens are JWTs that live for minutes; the public keys are in the JWKS
//! ([`app`]'s keyring). Its refresh tokens are stored as digests and rotated at
//! each use. Passwords are hashed on a separate thread pool ([`hashing`]).
//!
//! Moderators hide and ban accounts, administrators change and delete them. Each
//! change is published as an event and recorded in the audit log.

mod api;
mod app;
mod config;
mod domain;
mod hashing;
mod jobs;
mod store;

use std::net::SocketAddr;

use anyhow::{Result, bail};
use fenz_chassis::{Clock, Needs, OwnCommand, Platform, Service, Settings, Surface, database};
use fenz_contract::{auth, user};

pub use config::Config;

/// The auth service.
pub struct Auth;

impl Service for Auth {
    const NAME: &'static str = "auth";
    const PORT: u16 = 8001;
    // This service owns the signing keys, so it fetches none.
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: true, auth_keys: false };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> Result<Surface> {
        let app = app::App::new(&platform, config).await?;
        app.ensure_admin().await?;
        app::start_consumer(&platform, &app).await?;
        jobs::start(&platform, &app)?;
        let guard = platform.gatekeeper.clone();
        let endpoints = vec![
            auth::v1::auth_service(api::AuthApi(app.clone()), guard.clone()),
            user::v1::user_service(api::UserApi(app.clone()), guard.clone()),
            user::v1::account_service(api::AccountApi(app.clone()), guard.clone()),
            user::v1::user_admin_service(api::UserAdminApi(app.clone()), guard.clone()),
            user::v1::user_catalog_service(api::UserCatalogApi(app), guard),
        ];
        Ok(Surface { endpoints, ..Surface::default() })
    }

    fn check(_: &Settings, config: &Config) -> Result<()> {
        config.check()
    }

    fn listen(config: &Config) -> Option<SocketAddr> {
        config.listen
    }
}

/// The service's subcommands: `rotate-keys`.
///
/// # Errors
/// For any other name, or when the database does not answer.
pub fn command(name: &str, command: OwnCommand) -> Result<()> {
    if name != "rotate-keys" {
        bail!("unknown command {name}; there is rotate-keys");
    }
    let OwnCommand { sources, runtime, .. } = command;
    let (settings, _) = sources.service::<Config>(Auth::NAME)?;
    let (kid, from) = runtime.block_on(async {
        let db = database::connect(&settings.database).await?;
        database::migrate::<store::Migrator>(&db, Auth::NAME).await?;
        app::rotate(&db, &Clock::default()).await
    })?;
    println!("auth: key {kid} signs from {}; the previous key verifies until its tokens expire", from.to_rfc3339());
    Ok(())
}
