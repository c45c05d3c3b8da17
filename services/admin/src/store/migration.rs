//! The schema, one statement per step: MariaDB commits each.

use fenz_database::schema::{big, flag, index, long_text, number, rename_table, sql, table, text, timestamp, unique};
use sea_orm_migration::prelude::*;

/// Failed logins with unknown names had what was typed, passwords among it.
const REMOVE_TYPED_NAMES: &str = "UPDATE audit_entries SET object_id = '', is_blanked = TRUE \
     WHERE action = 'auth.login_failed' AND subject_id = 0";

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            table("m20261121_000001_audit_entries", audit_entries),
            table("m20261121_000002_erasure_progress", erasure_progress),
            table("m20261121_000003_erasure_steps", erasure_steps),
            table("m20261121_000004_reports", reports),
            table("m20261121_000005_turns", turns),
            // For lists and the export: the filtered column, then the order.
            index("m20261121_000006_audit_entries_order", "audit_entries", &["created_at", "id"]),
            index("m20261121_000007_audit_entries_actor", "audit_entries", &["actor_id", "created_at", "id"]),
            index("m20261121_000008_audit_entries_action", "audit_entries", &["action", "created_at", "id"]),
            index(
                "m20261121_000009_audit_entries_object",
                "audit_entries",
                &["object_type", "object_id", "created_at"],
            ),
            index("m20261121_000010_audit_entries_subject", "audit_entries", &["subject_id", "is_blanked"]),
            index("m20261121_000011_erasure_progress_due", "erasure_progress", &["is_done", "due_at"]),
            index("m20261121_000012_erasure_progress_order", "erasure_progress", &["requested_at", "id"]),
            index("m20261121_000013_reports_order", "reports", &["created_at", "id"]),
            index("m20261121_000014_reports_status", "reports", &["status", "created_at", "id"]),
            index("m20261121_000015_reports_assignee", "reports", &["assignee_id", "created_at", "id"]),
            index("m20261121_000016_reports_reporter", "reports", &["reporter_id"]),
            index("m20261121_000017_reports_reported", "reports", &["reported_user_id"]),
            index("m20261121_000018_reports_closed", "reports", &["closed_at"]),
            unique("m20261121_000019_reports_open", "reports", &["open_key"]),
            rename_table("m20261129_000020_user_locks", "turns", "user_locks"),
            index("m20261130_000021_audit_entries_nobody", "audit_entries", &["subject_id", "actor_id", "created_at"]),
            sql("m20261130_000022_no_typed_names", REMOVE_TYPED_NAMES),
        ]
    }
}

fn audit_entries(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("audit_entries")
        .col(big("id").primary_key())
        .col(big("actor_id"))
        .col(text("action", 64))
        .col(text("object_type", 32))
        .col(text("object_id", 254))
        .col(long_text("before_text"))
        .col(long_text("after_text"))
        .col(text("request_id", 64))
        .col(text("address", 64))
        .col(big("subject_id"))
        .col(timestamp(manager, "created_at").not_null())
        .col(flag("is_blanked"))
        .to_owned()
}

fn erasure_progress(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("erasure_progress")
        .col(big("id").primary_key())
        .col(big("user_id"))
        .col(big("version"))
        .col(number("attempts"))
        .col(timestamp(manager, "requested_at").not_null())
        .col(timestamp(manager, "due_at").not_null())
        .col(flag("is_done"))
        .col(timestamp(manager, "done_at").null())
        .to_owned()
}

fn erasure_steps(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("erasure_steps")
        .col(big("erasure_id"))
        .col(text("service", 32))
        .col(big("removed"))
        .col(timestamp(manager, "done_at").null())
        .primary_key(Index::create().col("erasure_id").col("service"))
        .to_owned()
}

fn reports(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("reports")
        .col(big("id").primary_key())
        .col(big("reporter_id"))
        .col(text("object_type", 16))
        .col(big("object_id"))
        .col(big("reported_user_id"))
        .col(text("object_title", 300))
        .col(text("reason", 32))
        .col(long_text("text"))
        .col(text("status", 16))
        .col(big("assignee_id"))
        .col(text("action", 16))
        .col(long_text("note"))
        .col(timestamp(manager, "ban_until").null())
        .col(timestamp(manager, "created_at").not_null())
        .col(timestamp(manager, "updated_at").not_null())
        .col(ColumnDef::new("open_key").string_len(64).null())
        .col(timestamp(manager, "closed_at").null())
        .col(big("acting"))
        .col(timestamp(manager, "acting_until").null())
        .to_owned()
}

fn turns(_: &SchemaManager) -> TableCreateStatement {
    Table::create().table("turns").col(big("user_id").primary_key()).col(big("number")).to_owned()
}

#[cfg(test)]
mod tests {
    use fenz_chassis::Secret;
    use fenz_database::DatabaseSettings;
    use fenz_testkit::Database;
    use sea_orm::Statement;

    use super::*;

    /// The migrations before the typed names are removed.
    const BEFORE: u32 = 21;

    #[tokio::test]
    async fn names_that_were_typed_are_removed() {
        for database in Database::available() {
            let folder = tempfile::tempdir().unwrap();
            let url = database.create(folder.path(), "admin").await.unwrap();
            let settings = DatabaseSettings { url: Secret::from(url), max_connections: 4, ..Default::default() };
            let db = fenz_database::connect(&settings).await.unwrap();
            Migrator::up(&db, Some(BEFORE)).await.unwrap();
            for (id, action, object, subject) in [
                (1, "auth.login_failed", "a password", 0),
                (2, "auth.login_failed", "ann", 7),
                (3, "tag.renamed", "12", 0),
            ] {
                let sql = format!(
                    "INSERT INTO audit_entries (id, actor_id, action, object_type, object_id, before_text, after_text, \
                     request_id, address, subject_id, created_at, is_blanked) VALUES ({id}, 0, '{action}', 'login', \
                     '{object}', '', '', '', '10.0.0.1', {subject}, '2026-01-01 00:00:00', FALSE)"
                );
                db.execute_unprepared(&sql).await.unwrap();
            }
            Migrator::up(&db, None).await.unwrap();
            let query = "SELECT object_id, is_blanked FROM audit_entries ORDER BY id";
            let query = Statement::from_string(db.get_database_backend(), query);
            let rows = db.query_all_raw(query).await.unwrap().into_iter().map(|row| {
                let is_blanked: bool = row.try_get("", "is_blanked").unwrap();
                (row.try_get("", "object_id").unwrap(), is_blanked)
            });
            let rows: Vec<(String, bool)> = rows.collect();
            let expected = [("", true), ("ann", false), ("12", false)];
            assert_eq!(rows, expected.map(|(object, blanked)| (object.to_owned(), blanked)), "{database:?}");
        }
    }
}
