//! The schema, one statement per step: MariaDB commits each.

use fenz_chassis::database::timestamp;
use sea_orm_migration::prelude::*;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let table = |name, table| -> Box<dyn MigrationTrait> { Box::new(CreateTable { name, table }) };
        let index = |name, table, columns: &[&'static str]| -> Box<dyn MigrationTrait> {
            Box::new(CreateIndex { name, table, columns: columns.to_vec(), is_unique: false })
        };
        let mut steps = vec![
            table("m20261121_000001_audit_entries", audit_entries),
            table("m20261121_000002_erasure_progress", erasure_progress),
            table("m20261121_000003_erasure_steps", erasure_steps),
            table("m20261121_000004_reports", reports),
            table("m20261121_000005_turns", turns),
            // Lists and the export are read along these: what is asked for, then
            // the order.
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
            Box::new(CreateIndex {
                name: "m20261121_000019_reports_open",
                table: "reports",
                columns: vec!["open_key"],
                is_unique: true,
            }),
        ];
        steps.extend(fenz_events::migrations());
        steps
    }
}

struct CreateTable {
    name: &'static str,
    table: fn(&SchemaManager) -> TableCreateStatement,
}

impl MigrationName for CreateTable {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table((self.table)(manager)).await
    }
}

fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().to_owned()
}

fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().to_owned()
}

fn word(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().to_owned()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().to_owned()
}

fn audit_entries(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("audit_entries")
        .col(big("id").primary_key())
        .col(big("actor_id"))
        .col(word("action", 64))
        .col(word("object_type", 32))
        .col(word("object_id", 254))
        .col(text("before_text"))
        .col(text("after_text"))
        .col(word("request_id", 64))
        .col(word("address", 64))
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
        .col(word("service", 32))
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
        .col(word("object_type", 16))
        .col(big("object_id"))
        .col(big("reported_user_id"))
        .col(word("object_title", 300))
        .col(word("reason", 32))
        .col(text("text"))
        .col(word("status", 16))
        .col(big("assignee_id"))
        .col(word("action", 16))
        .col(text("note"))
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

struct CreateIndex {
    /// Of the migration, and, without its date and number, of the index.
    name: &'static str,
    table: &'static str,
    columns: Vec<&'static str>,
    is_unique: bool,
}

impl MigrationName for CreateIndex {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateIndex {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = self.name.splitn(3, '_').last().unwrap_or(self.name);
        let mut index = Index::create();
        index.name(name).table(self.table);
        for column in &self.columns {
            index.col(*column);
        }
        if self.is_unique {
            index.unique();
        }
        manager.create_index(index).await
    }
}
