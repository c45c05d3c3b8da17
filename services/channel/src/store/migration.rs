//! The schema, one statement per migration: MariaDB commits each statement.

use fenz_database::schema::{big, column, drop_table, flag, index, number, rename_table, table, text, timestamp};
use sea_orm_migration::prelude::*;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            table("m20261121_000001_channels", channels),
            table("m20261121_000002_memberships", memberships),
            table("m20261121_000003_user_names", user_names),
            table("m20261121_000004_media_errands", media_errands),
            index("m20261121_000005_channels_by_owner", "channels", &["owner_id"]),
            // Lists are read in index order: the filter's column first, then the sort key.
            index("m20261121_000006_memberships_of_user", "memberships", &["user_id", "created_at", "channel_id"]),
            index("m20261121_000007_memberships_of_channel", "memberships", &["channel_id", "created_at", "user_id"]),
            index("m20261121_000008_media_errands_due", "media_errands", &["due_at"]),
            column("m20261122_000009_user_names_hidden", "user_names", |_| flag("is_hidden").default(false).to_owned()),
            column("m20261122_000010_channels_deleted", "channels", |manager| timestamp(manager, "deleted_at")),
            column("m20261122_000011_channels_membership_floor", "channels", |_| {
                big("membership_floor").default(0).to_owned()
            }),
            table("m20261122_000012_clearings", clearings),
            rename_table("m20261123_000013_pending_calls", "media_errands", "pending_calls"),
            rename_table("m20261123_000014_channel_cleanups", "clearings", "channel_cleanups"),
            drop_table("m20261130_000015_no_pending_calls", "pending_calls"),
            // What its rows said follows from the channels: the sweep finds it again.
            drop_table("m20261130_000016_no_channel_cleanups", "channel_cleanups"),
        ]
    }
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
