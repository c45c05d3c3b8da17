//! The schema, one statement per step: MariaDB commits each.

use fenz_chassis::database::timestamp;
use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

/// The tables of the library; a service appends them to its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    let table = |name, build| -> Box<dyn MigrationTrait> { Box::new(CreateTable(name, build)) };
    let index = |name, index, table, columns| -> Box<dyn MigrationTrait> {
        Box::new(CreateIndex { name, index, table, columns })
    };
    vec![
        table("m20261121_000001_events_outbox", outbox),
        index("m20261121_000002_events_outbox_replica", "outbox_replica", "outbox", &["replica", "seq"]),
        index("m20261121_000003_events_outbox_age", "outbox_age", "outbox", &["created_at"]),
        table("m20261121_000004_events_inbox", inbox),
        index("m20261121_000005_events_inbox_age", "inbox_age", "inbox", &["handled_at"]),
        table("m20261121_000006_events_mailbox", mailbox),
        index("m20261121_000007_events_mailbox_due", "mailbox_due", "mailbox", &["consumer", "available_at"]),
        table("m20261121_000008_events_dead_letters", dead_letters),
        table("m20261121_000009_events_leases", leases),
        table("m20261121_000010_events_erasures", erasures),
        table("m20261121_000011_events_erased_users", erased_users),
    ]
}

fn text(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().to_owned()
}

/// Bytes of an event. MariaDB's plain blob ends at 64 KiB.
fn payload(manager: &SchemaManager) -> ColumnDef {
    let mut column = ColumnDef::new("payload");
    match manager.get_database_backend() {
        DbBackend::MySql => column.custom("mediumblob"),
        _ => column.blob(),
    };
    column.not_null().to_owned()
}

fn headers() -> ColumnDef {
    ColumnDef::new("headers").text().not_null().to_owned()
}

fn of_consumer() -> IndexCreateStatement {
    Index::create().col("event_id").col("consumer").to_owned()
}

fn outbox(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("outbox")
        .col(ColumnDef::new("seq").big_integer().not_null().auto_increment().primary_key())
        .col(text("id", 64).unique_key())
        .col(text("replica", 64))
        .col(text("subject", 128))
        .col(payload(manager))
        .col(headers())
        .col(timestamp(manager, "created_at").not_null())
        .to_owned()
}

fn inbox(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("inbox")
        .col(text("event_id", 64))
        .col(text("consumer", 64))
        .col(timestamp(manager, "handled_at").not_null())
        .primary_key(&mut of_consumer())
        .to_owned()
}

fn mailbox(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("mailbox")
        .col(text("event_id", 64))
        .col(text("consumer", 64))
        .col(text("subject", 128))
        .col(payload(manager))
        .col(headers())
        .col(ColumnDef::new("tries").integer().not_null())
        .col(timestamp(manager, "available_at").not_null())
        .primary_key(&mut of_consumer())
        .to_owned()
}

fn dead_letters(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("dead_letters")
        .col(text("event_id", 64))
        .col(text("consumer", 64))
        .col(text("subject", 128))
        .col(payload(manager))
        .col(headers())
        .col(ColumnDef::new("reason").text().not_null())
        .col(timestamp(manager, "failed_at").not_null())
        .primary_key(&mut of_consumer())
        .to_owned()
}

fn leases(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("leases")
        .col(text("name", 64).primary_key())
        .col(text("holder", 64))
        .col(timestamp(manager, "expires_at").not_null())
        .to_owned()
}

fn erasures(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("erasures")
        .col(ColumnDef::new("erasure_id").big_integer().not_null().primary_key())
        .col(ColumnDef::new("user_id").big_integer().not_null())
        .col(ColumnDef::new("removed").big_integer().not_null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(timestamp(manager, "due_at").not_null())
        .to_owned()
}

fn erased_users(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("erased_users")
        .col(ColumnDef::new("user_id").big_integer().not_null().primary_key())
        .col(timestamp(manager, "erased_at").not_null())
        .to_owned()
}

struct CreateTable(&'static str, fn(&SchemaManager) -> TableCreateStatement);

impl MigrationName for CreateTable {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = (self.1)(manager);
        if manager.get_database_backend() == DbBackend::MySql {
            // Ids and subjects are compared byte by byte, as elsewhere.
            table.character_set("utf8mb4").collate("utf8mb4_bin");
        }
        manager.create_table(table).await
    }
}

struct CreateIndex {
    name: &'static str,
    index: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
}

impl MigrationName for CreateIndex {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateIndex {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut index = Index::create();
        index.name(self.index).table(self.table);
        for column in self.columns {
            index.col(*column);
        }
        manager.create_index(index).await
    }
}
