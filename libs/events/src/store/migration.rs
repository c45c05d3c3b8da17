//! The schema, one statement per step: MariaDB commits each.

use fenz_database::schema::{index_as, table, text, timestamp};
use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

/// The tables of the library; a service appends them to its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        table("m20261121_000001_events_outbox", outbox),
        index_as("m20261121_000002_events_outbox_replica", "outbox_replica", "outbox", &["replica", "seq"]),
        index_as("m20261121_000003_events_outbox_age", "outbox_age", "outbox", &["created_at"]),
        table("m20261121_000004_events_inbox", inbox),
        index_as("m20261121_000005_events_inbox_age", "inbox_age", "inbox", &["handled_at"]),
        table("m20261121_000006_events_mailbox", mailbox),
        index_as("m20261121_000007_events_mailbox_due", "mailbox_due", "mailbox", &["consumer", "available_at"]),
        table("m20261121_000008_events_dead_letters", dead_letters),
        table("m20261121_000009_events_leases", leases),
        table("m20261121_000010_events_erasures", erasures),
        table("m20261121_000011_events_erased_users", erased_users),
    ]
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

fn event_and_consumer() -> IndexCreateStatement {
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
        .primary_key(&mut event_and_consumer())
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
        .primary_key(&mut event_and_consumer())
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
        .primary_key(&mut event_and_consumer())
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
