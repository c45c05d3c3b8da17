//! The schema, one statement per migration: MariaDB commits each statement.

use fenz_database::schema::{big, flag, index, index_as, number, table, text, timestamp};
use sea_orm_migration::prelude::*;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let own: Vec<Box<dyn MigrationTrait>> = vec![
            table("m20261121_000001_uploads", uploads),
            index_as("m20261121_000002_owner", "uploads_owner", "uploads", &["owner_id", "state"]),
            index_as("m20261121_000003_sweep", "uploads_sweep", "uploads", &["state", "touched_at"]),
            index_as("m20261121_000004_claim", "uploads_claim", "uploads", &["claim"]),
            index_as("m20261121_000005_poster", "uploads_poster", "uploads", &["poster_of"]),
            table("m20261121_000006_daily_usage", daily_usage),
            table("m20261122_000007_video_states", video_states),
            index("m20261122_000008_video_states_owner", "video_states", &["owner_id"]),
            index("m20261122_000009_video_states_channel", "video_states", &["channel_id"]),
            index("m20261122_000010_video_states_deleted", "video_states", &["is_deleted", "heard_at"]),
            table("m20261122_000011_channel_states", channel_states),
            index("m20261122_000012_channel_states_owner", "channel_states", &["owner_id"]),
        ];
        own.into_iter().collect()
    }
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

fn uploads(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
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
        // Amazon's have about 130 characters; the maximum is not specified.
        .col(ColumnDef::new("multipart_id").string_len(1024))
        .col(ColumnDef::new("poster_of").big_integer())
        .col(ColumnDef::new("claim").string_len(128))
        .col(timestamp(manager, "touched_at").not_null())
        .col(timestamp(manager, "created_at").not_null())
        .to_owned()
}

fn daily_usage(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("daily_usage")
        .col(big("owner_id"))
        .col(number("day"))
        .col(big("bytes"))
        .primary_key(Index::create().col("owner_id").col("day"))
        .to_owned()
}
