//! The audit log, reports of content, the progress of user erasures, and the
//! background jobs of all services.
//!
//! Audit entries are consumed from events of all services and are append-only
//! (`app/audit`). Users create reports and moderators resolve them; the actions are
//! calls to the services that own the reported objects, with the moderator's
//! authorization (`app/create_report`, `app/update_report`, `moderation_client`).
//! An erasure is done when every service has reported; until then its event is
//! published again (`app/erasures`). The service also erases its own data
//! (`app/user_eraser`). It asks every service for its jobs when somebody asks it
//! (`app/jobs`, `jobs_client`).

mod api;
mod app;
mod config;
mod domain;
mod events;
mod jobs;
mod jobs_client;
mod moderation_client;
mod store;

use fenz_chassis::{AuthKeys, Endpoints, Platform, Service, Settings};
use fenz_contract::admin::v1::{audit_service, erasure_service, job_service, report_service};
use fenz_events::{Database, ErasureRunner, Outbox};

pub use config::Config;

/// The admin service.
pub struct Admin;

impl Service for Admin {
    const NAME: &'static str = "admin";
    const PORT: u16 = 8008;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, AuthKeys);

    async fn build(platform: Platform, (db, _): Self::Requirements, config: Config) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let erasure_runner = ErasureRunner::new(&platform, &outbox);
        let app = app::App::new(&platform, db.connection(), config, outbox, erasure_runner.clone())?;
        events::start_consumer(&platform, &db, &app).await?;
        erasure_runner.start(&platform, app::UserEraser(app.clone()));
        jobs::start(&platform, &app);
        let guard = || platform.authorizer.clone();
        let raw = api::routes(app.clone(), guard());
        let api = api::Api(app);
        Ok(Endpoints {
            rpc: vec![
                audit_service(api.clone(), guard()),
                erasure_service(api.clone(), guard()),
                job_service(api.clone(), guard()),
                report_service(api, guard()),
            ],
            raw,
            ..Endpoints::default()
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }
}
