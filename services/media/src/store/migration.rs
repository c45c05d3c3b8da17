//! The schema, one statement per step: MariaDB commits each.

use fenz_chassis::database::timestamp;
use sea_orm_migration::prelude::*;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let own: Vec<Box<dyn MigrationTrait>> = vec![
            Box::new(CreateUploads),
            index("m20261121_000002_owner", "uploads", "uploads_owner", &["owner_id", "state"]),
            index("m20261121_000003_sweep", "uploads", "uploads_sweep", &["state", "touched_at"]),
            index("m20261121_000004_claim", "uploads", "uploads_claim", &["claim"]),
            index("m20261121_000005_poster", "uploads", "uploads_poster", &["poster_of"]),
            Box::new(CreateDailyUsage),
            Box::new(CreateTable("m20261122_000007_video_states", video_states)),
            index("m20261122_000008_video_states_owner", "video_states", "video_states_owner", &["owner_id"]),
            index("m20261122_000009_video_states_channel", "video_states", "video_states_channel", &["channel_id"]),
            index(
                "m20261122_000010_video_states_deleted",
                "video_states",
                "video_states_deleted",
                &["is_deleted", "heard_at"],
            ),
            Box::new(CreateTable("m20261122_000011_channel_states", channel_states)),
            index("m20261122_000012_channel_states_owner", "channel_states", "channel_states_owner", &["owner_id"]),
        ];
        own.into_iter().chain(fenz_events::migrations()).collect()
    }
}

fn index(
    name: &'static str,
    table: &'static str,
    index: &'static str,
    columns: &'static [&'static str],
) -> Box<dyn MigrationTrait> {
    Box::new(CreateIndex { name, table, index, columns })
}

/// Its name and what it makes.
struct CreateTable(&'static str, fn(&SchemaManager) -> TableCreateStatement);

impl MigrationName for CreateTable {
    fn name(&self) -> &'static str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table((self.1)(manager)).await
    }
}

fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().to_owned()
}

fn video_states(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("video_states")
        .col(big("video_id").primary_key())
        .col(big("channel_id"))
        .col(big("owner_id"))
        .col(flag("is_published"))
        .col(flag("is_hidden"))
        .col(flag("is_deleted"))
        .col(big("version"))
        .col(timestamp(manager, "heard_at").not_null())
        .to_owned()
}

fn channel_states(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("channel_states")
        .col(big("channel_id").primary_key())
        .col(big("owner_id"))
        .col(flag("is_hidden"))
        .col(flag("is_deleted"))
        .col(big("version"))
        .to_owned()
}

struct CreateUploads;

impl MigrationName for CreateUploads {
    fn name(&self) -> &'static str {
        "m20261121_000001_uploads"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateUploads {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str, length| ColumnDef::new(name).string_len(length).not_null().to_owned();
        let big = |name: &'static str| ColumnDef::new(name).big_integer().not_null().to_owned();
        let number = |name: &'static str| ColumnDef::new(name).integer().not_null().to_owned();
        let table = Table::create()
            .table("uploads")
            .col(big("id").primary_key())
            .col(big("owner_id"))
            .col(text("kind", 16))
            .col(text("state", 16))
            .col(text("content_type", 64))
            .col(big("size_bytes"))
            .col(text("sha256", 64))
            .col(number("duration_seconds"))
            .col(number("width"))
            .col(number("height"))
            .col(text("object_key", 128))
            // Amazon's are about 130 characters; nobody promises a length.
            .col(ColumnDef::new("multipart_id").string_len(1024))
            .col(ColumnDef::new("poster_of").big_integer())
            .col(ColumnDef::new("claim").string_len(128))
            .col(timestamp(manager, "touched_at").not_null())
            .col(timestamp(manager, "created_at").not_null())
            .to_owned();
        manager.create_table(table).await
    }
}

struct CreateIndex {
    name: &'static str,
    table: &'static str,
    index: &'static str,
    columns: &'static [&'static str],
}

impl MigrationName for CreateIndex {
    fn name(&self) -> &'static str {
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

struct CreateDailyUsage;

impl MigrationName for CreateDailyUsage {
    fn name(&self) -> &'static str {
        "m20261121_000006_daily_usage"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateDailyUsage {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("daily_usage")
            .col(ColumnDef::new("owner_id").big_integer().not_null())
            .col(ColumnDef::new("day").integer().not_null())
            .col(ColumnDef::new("bytes").big_integer().not_null())
            .primary_key(Index::create().col("owner_id").col("day"))
            .to_owned();
        manager.create_table(table).await
    }
}
