//! Deletes old reports, and failed logins of nobody from the audit log. All other entries
//! are kept for ever.

use fenz_core::Result;
use fenz_events::Lease;

use super::App;
use crate::store::{audit, reports};

/// Rows per statement.
const BATCH_SIZE: u64 = 500;

impl App {
    /// Deletes reports that were closed before `keep_reports`.
    pub async fn prune_reports(&self, lease: &Lease) -> Result<()> {
        let before = self.clock.ago(self.config.keep_reports);
        while lease.hold().await? {
            if reports::prune(&self.db, before, BATCH_SIZE).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Deletes failed logins without a subject from before `audit.keep_without_subject`.
    pub async fn prune_audit_log(&self, lease: &Lease) -> Result<()> {
        let before = self.clock.ago(self.config.audit.keep_without_subject);
        while lease.hold().await? {
            if audit::prune(&self.db, before, BATCH_SIZE).await? == 0 {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use fenz_chassis::{Platform, Process, settings::Sources};
    use fenz_core::UserId;
    use fenz_database::transact;
    use fenz_events::{ErasureRunner, Outbox};
    use fenz_testkit::Database;

    use super::*;
    use crate::{
        Admin, Config,
        domain::{
            audit::{Entry, Filter},
            page::Page,
            report::{Kind, Object, Report, Status},
        },
    };

    async fn app(kind: Database, folder: &std::path::Path, process: &Process) -> (App, Platform) {
        let mut sources = Sources::default();
        let url = kind.create(folder, "admin").await.unwrap();
        // Required peers, but never called.
        let unused = "http://127.0.0.1:9";
        for (path, value) in [
            (["database", "url"], url.as_str()),
            (["database", "max_connections"], "4"),
            (["peers", "auth"], unused),
            (["peers", "content"], unused),
        ] {
            sources.set(&path, value).unwrap();
        }
        let (settings, config) = sources.service::<Config>("admin").unwrap();
        let (platform, (db, _)) = fenz_chassis::connect::<Admin>(settings, process).await.unwrap();
        let outbox = Outbox::start(&platform, &db).await.unwrap();
        let erasures = ErasureRunner::new(&platform, &outbox);
        (App::new(&platform, db.connection(), config, outbox, erasures).unwrap(), platform)
    }

    fn report(id: i64, status: Status, at: DateTime<Utc>) -> Report {
        Report {
            id,
            reporter: UserId(7),
            object: Object { kind: Kind::Video, id },
            reported: UserId(8),
            title: "t".into(),
            reason: "spam".into(),
            text: String::new(),
            status,
            assignee: UserId(0),
            action: None,
            note: String::new(),
            ban_until: None,
            created_at: at,
            updated_at: at,
        }
    }

    #[tokio::test]
    async fn only_reports_closed_long_ago_are_deleted() {
        for kind in Database::available() {
            let (folder, process) = (tempfile::tempdir().unwrap(), Process::default());
            let (app, platform) = app(kind, folder.path(), &process).await;
            let lease = Lease::new(&platform, app.db.clone(), "reports_prune");
            let now = platform.clock.now();
            for (id, status, days) in [
                (1, Status::Resolved, 731),
                (2, Status::Dismissed, 729),
                (3, Status::Pending, 800),
                (4, Status::Dismissed, 800),
            ] {
                let report = &report(id, status, now - TimeDelta::days(days));
                let stored = transact(&app.db, |txn| async move {
                    reports::insert(&*txn, report).await?;
                    Ok(reports::save_in_txn(&*txn, report).await?)
                });
                stored.await.unwrap();
            }
            app.prune_reports(&lease).await.unwrap();
            for (id, exists) in [(1, false), (2, true), (3, true), (4, false)] {
                assert_eq!(reports::find(&app.db, id).await.unwrap().is_some(), exists, "{id}");
            }
            process.stop.cancel();
        }
    }

    fn entry(id: i64, actor: i64, subject: i64, created_at: DateTime<Utc>) -> Entry {
        Entry {
            id,
            actor: UserId(actor),
            action: "auth.login_failed".into(),
            object_type: "login".into(),
            object_id: String::new(),
            before: String::new(),
            after: String::new(),
            request_id: String::new(),
            address: String::new(),
            subject: UserId(subject),
            created_at,
            is_blanked: false,
        }
    }

    #[tokio::test]
    async fn only_old_entries_about_nobody_are_deleted() {
        for kind in Database::available() {
            let (folder, process) = (tempfile::tempdir().unwrap(), Process::default());
            let (app, platform) = app(kind, folder.path(), &process).await;
            let lease = Lease::new(&platform, app.db.clone(), "audit_prune");
            let now = platform.clock.now();
            let mut rows = vec![(1, 0, 0, 181), (2, 0, 0, 179), (3, 0, 7, 400), (4, 1, 0, 400)];
            // More than a batch.
            rows.extend((5..=(BATCH_SIZE as i64 + 10)).map(|id| (id, 0, 0, 200)));
            for (id, actor, subject, days) in rows {
                audit::insert(&app.db, entry(id, actor, subject, now - TimeDelta::days(days))).await.unwrap();
            }
            // The system's own, which proves an erasure.
            let blanked = Entry { action: "audit.blanked".into(), ..entry(1_000, 0, 0, now - TimeDelta::days(400)) };
            audit::insert(&app.db, blanked).await.unwrap();
            app.prune_audit_log(&lease).await.unwrap();
            let page = Page { offset: 0, limit: 100 };
            let (left, _) = audit::list(&app.db, &Filter::default(), page).await.unwrap();
            let mut ids: Vec<i64> = left.iter().map(|entry| entry.id).collect();
            ids.sort_unstable();
            assert_eq!(ids, [2, 3, 4, 1_000], "{kind:?}");
            process.stop.cancel();
        }
    }
}
