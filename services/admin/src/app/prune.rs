//! Deletes old reports. The audit log is kept forever.

use fenz_core::Result;
use fenz_events::Lease;

use super::App;
use crate::store::reports;

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
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use fenz_chassis::{Process, settings::Sources};
    use fenz_core::UserId;
    use fenz_database::transact;
    use fenz_events::{ErasureRunner, Outbox};
    use fenz_testkit::Database;

    use super::*;
    use crate::{
        Admin, Config,
        domain::report::{Kind, Object, Report, Status},
    };

    #[tokio::test]
    async fn only_reports_closed_long_ago_are_deleted() {
        for kind in Database::available() {
            let folder = tempfile::tempdir().unwrap();
            let mut sources = Sources::default();
            let url = kind.create(folder.path(), "admin").await.unwrap();
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
            let process = Process::default();
            let (platform, (db, _)) = fenz_chassis::connect::<Admin>(settings, &process).await.unwrap();
            let outbox = Outbox::start(&platform, &db).await.unwrap();
            let erasures = ErasureRunner::new(&platform, &outbox);
            let app = App::new(&platform, db.connection(), config, outbox, erasures).unwrap();
            let lease = Lease::new(&platform, db.connection(), "reports_prune");
            let now = platform.clock.now();
            for (id, status, days) in [
                (1, Status::Resolved, 731),
                (2, Status::Dismissed, 729),
                (3, Status::Pending, 800),
                (4, Status::Dismissed, 800),
            ] {
                let at = now - TimeDelta::days(days);
                let report = Report {
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
                };
                let report = &report;
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
}
