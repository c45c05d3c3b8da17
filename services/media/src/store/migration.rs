//! The schema, one statement per step: MariaDB commits each.

use fenz_chassis::database::timestamp;
use sea_orm_migration::prelude::*;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(CreateUploads),
            Box::new(CreateIndex("m20261121_000002_owner", "uploads_owner", &["owner_id", "state"])),
            Box::new(CreateIndex("m20261121_000003_sweep", "uploads_sweep", &["state", "touched_at"])),
            Box::new(CreateIndex("m20261121_000004_claim", "uploads_claim", &["claim"])),
            Box::new(CreateIndex("m20261121_000005_poster", "uploads_poster", &["poster_of"])),
            Box::new(CreateDailyUsage),
        ]
    }
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

/// Its name, the index's name, the columns of `uploads`.
struct CreateIndex(&'static str, &'static str, &'static [&'static str]);

impl MigrationName for CreateIndex {
    fn name(&self) -> &'static str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateIndex {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut index = Index::create();
        index.name(self.1).table("uploads");
        for column in self.2 {
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
