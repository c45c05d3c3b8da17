//! The schema, one statement per step: MariaDB commits each.

use fenz_chassis::database::timestamp;
use sea_orm_migration::prelude::*;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let index = |name, table, columns: &[&'static str]| -> Box<dyn MigrationTrait> {
            Box::new(CreateIndex { name, table, columns: columns.to_vec() })
        };
        let own: Vec<Box<dyn MigrationTrait>> = vec![
            Box::new(CreateTable { name: "m20261121_000001_channels", table: channels }),
            Box::new(CreateTable { name: "m20261121_000002_memberships", table: memberships }),
            Box::new(CreateTable { name: "m20261121_000003_user_names", table: user_names }),
            Box::new(CreateTable { name: "m20261121_000004_media_errands", table: media_errands }),
            index("m20261121_000005_channels_by_owner", "channels", &["owner_id"]),
            // Lists are read along an index: whose they are, then the order.
            index("m20261121_000006_memberships_of_user", "memberships", &["user_id", "created_at", "channel_id"]),
            index("m20261121_000007_memberships_of_channel", "memberships", &["channel_id", "created_at", "user_id"]),
            index("m20261121_000008_media_errands_due", "media_errands", &["due_at"]),
            Box::new(AddColumn {
                name: "m20261122_000009_user_names_hidden",
                table: "user_names",
                column: |_| flag("is_hidden").default(false).to_owned(),
            }),
            Box::new(AddColumn {
                name: "m20261122_000010_channels_deleted",
                table: "channels",
                column: |manager| timestamp(manager, "deleted_at"),
            }),
            Box::new(AddColumn {
                name: "m20261122_000011_channels_membership_floor",
                table: "channels",
                column: |_| big("membership_floor").default(0).to_owned(),
            }),
            Box::new(CreateTable { name: "m20261122_000012_clearings", table: clearings }),
        ];
        own.into_iter().chain(fenz_events::migrations()).collect()
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

fn text(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().to_owned()
}

fn channels(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("channels")
        .col(big("id").primary_key())
        .col(big("owner_id"))
        .col(text("name", 64))
        .col(ColumnDef::new("description").text().not_null())
        .col(ColumnDef::new("avatar_upload_id").big_integer())
        .col(ColumnDef::new("banner_upload_id").big_integer())
        .col(big("monthly_fee"))
        .col(text("fee_currency", 3))
        .col(number("hidden_reasons"))
        .col(big("subscriber_count"))
        .col(big("premium_count"))
        .col(timestamp(manager, "created_at").not_null())
        .col(big("version"))
        .to_owned()
}

fn memberships(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("memberships")
        .col(big("channel_id"))
        .col(big("user_id"))
        .col(number("tier"))
        .col(text("status", 16))
        .col(timestamp(manager, "created_at").not_null())
        .col(big("version"))
        .primary_key(Index::create().col("channel_id").col("user_id"))
        .to_owned()
}

fn user_names(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("user_names")
        .col(big("user_id").primary_key())
        .col(text("username", 64))
        .col(text("display_name", 128))
        .col(big("version"))
        .to_owned()
}

fn clearings(_: &SchemaManager) -> TableCreateStatement {
    Table::create().table("clearings").col(big("channel_id").primary_key()).to_owned()
}

fn media_errands(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("media_errands")
        .col(big("channel_id"))
        .col(text("picture", 16))
        .col(big("upload_id"))
        .col(flag("keep_files"))
        .col(flag("started"))
        .col(number("attempts"))
        .col(timestamp(manager, "due_at").not_null())
        .primary_key(Index::create().col("channel_id").col("picture").col("upload_id"))
        .to_owned()
}

struct AddColumn {
    name: &'static str,
    table: &'static str,
    column: fn(&SchemaManager) -> ColumnDef,
}

impl MigrationName for AddColumn {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddColumn {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::alter();
        table.table(self.table).add_column((self.column)(manager));
        manager.alter_table(table).await
    }
}

struct CreateIndex {
    /// Of the migration, and, without its date and number, of the index.
    name: &'static str,
    table: &'static str,
    columns: Vec<&'static str>,
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
        manager.create_index(index).await
    }
}
