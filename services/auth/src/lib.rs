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

use anyhow::Result;
use fenz_chassis::{Command, Endpoints, Invocation, Platform, Service, Settings, media_url::MediaUrls};
use fenz_contract::{auth, user};
use fenz_core::{Clock, Random};
use fenz_events::Database;

pub use config::Config;

/// The auth service.
pub struct Auth;

impl Service for Auth {
    const NAME: &'static str = "auth";
    const PORT: u16 = 8001;
    // This service owns the signing keys, so it fetches none.
    type Config = Config;
    type Requirements = (Database<store::Migrator>, MediaUrls);

    async fn build(platform: Platform, (db, media_urls): Self::Requirements, config: Config) -> Result<Endpoints> {
        let app = app::App::new(&platform, &db, media_urls, config).await?;
        app.ensure_admin().await?;
        app::start_consumer(&platform, &db, &app).await?;
        jobs::start(&platform, &app);
        let guard = platform.authorizer.clone();
        let endpoints = vec![
            auth::v1::auth_service(api::AuthApi(app.clone()), guard.clone()),
            user::v1::user_service(api::UserApi(app.clone()), guard.clone()),
            user::v1::account_service(api::AccountApi(app.clone()), guard.clone()),
            user::v1::user_admin_service(api::UserAdminApi(app.clone()), guard.clone()),
            user::v1::user_catalog_service(api::UserCatalogApi(app), guard),
        ];
        Ok(Endpoints { rpc: endpoints, ..Endpoints::default() })
    }

    fn check(_: &Settings, config: &Config) -> Result<()> {
        config.check()
    }

    fn commands() -> Vec<Command> {
        vec![Command::new("rotate-keys", "Give access tokens a new signing key", rotate_keys)]
    }
}

async fn rotate_keys(invocation: &Invocation) -> Result<()> {
    let settings = invocation.settings()?.section("database")?;
    let db = Database::<store::Migrator>::open(&settings, Auth::NAME).await?;
    let (kid, from) = app::rotate(&db, &Clock::default(), &Random::default()).await?;
    println!("auth: key {kid} signs from {}; the previous key verifies until its tokens expire", from.to_rfc3339());
    Ok(())
}
