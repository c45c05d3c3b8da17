//! The schema, one statement per step: MariaDB commits each.

use fenz_database::{
    schema::{big, column, flag, index, number, rename_table, table, text, timestamp},
    sequence,
};
use sea_orm_migration::prelude::*;

use crate::domain::Kind;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = vec![
            sequence::table("m20261121_000001_sequence"),
            sequence::seed("m20261121_000002_seed_sequence"),
            table("m20261121_000003_channel_events", channel_events),
            table("m20261121_000004_channel_heads", channel_heads),
            table("m20261121_000005_direct_notices", direct_notices),
            table("m20261121_000006_memberships", memberships),
            table("m20261121_000007_mutes", mutes),
            table("m20261121_000008_readers", readers),
            table("m20261121_000009_read_marks", reads),
            table("m20261121_000010_channels", channels),
            table("m20261121_000011_videos", videos),
            table("m20261121_000012_stream_tickets", stream_tickets),
            // Covers the queries for a member's events of one channel.
            index("m20261121_000013_channel_events_of", "channel_events", &["channel_id", "seq", "kind", "is_visible"]),
            index("m20261121_000014_channel_events_id", "channel_events", &["id"]),
            index("m20261121_000015_channel_events_video", "channel_events", &["video_id"]),
            index("m20261121_000016_direct_notices_of", "direct_notices", &["user_id", "seq"]),
            index("m20261121_000017_direct_notices_id", "direct_notices", &["id"]),
            index("m20261121_000018_readers_changed", "readers", &["changed_seq"]),
            index("m20261121_000019_videos_age", "videos", &["updated_at"]),
            index("m20261121_000020_stream_tickets_age", "stream_tickets", &["expires_at"]),
            index("m20261121_000021_read_marks_age", "read_marks", &["seq"]),
        ];
        steps.extend(later());
        steps
    }
}

fn later() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        column("m20261122_000022_stream_tickets_token_ends_at", "stream_tickets", |manager| {
            timestamp(manager, "token_ends_at").null().to_owned()
        }),
        column("m20261122_000023_readers_forgotten_at", "readers", |manager| {
            timestamp(manager, "forgotten_at").null().to_owned()
        }),
        table("m20261122_000024_deleted_channels", deleted_channels),
        index("m20261122_000025_readers_forgotten", "readers", &["forgotten_at"]),
        index("m20261122_000026_memberships_channel", "memberships", &["channel_id"]),
        index("m20261122_000027_mutes_channel", "mutes", &["channel_id"]),
        index("m20261122_000028_channels_owner", "channels", &["owner_id"]),
        index("m20261122_000029_deleted_channels_swept", "deleted_channels", &["is_swept"]),
        index("m20261122_000030_stream_tickets_user", "stream_tickets", &["user_id"]),
        column("m20261122_000031_direct_notices_about_id", "direct_notices", |_| {
            ColumnDef::new("about_id").big_integer().null().to_owned()
        }),
        index("m20261122_000032_direct_notices_about", "direct_notices", &["about_id"]),
        column("m20261123_000033_memberships_changed_at", "memberships", |manager| {
            timestamp(manager, "changed_at").null().to_owned()
        }),
        rename_table("m20261129_000034_latest_events", "channel_heads", "latest_events"),
        rename_table("m20261129_000035_direct_notifications", "direct_notices", "direct_notifications"),
        Box::new(EnableVideoFailed),
    ]
}

/// Users who changed their settings get the type that was added since.
struct EnableVideoFailed;

impl MigrationName for EnableVideoFailed {
    fn name(&self) -> &'static str {
        "m20261130_000036_enable_video_failed"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for EnableVideoFailed {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statement = format!("UPDATE readers SET wanted = wanted | {}", 1 << Kind::VideoFailed.number());
        manager.get_connection().execute_unprepared(&statement).await?;
        Ok(())
    }
}

/// The columns of a notification.
fn with_content(table: &mut TableCreateStatement, manager: &SchemaManager) -> TableCreateStatement {
    table
        .col(big("id"))
        .col(number("kind"))
        .col(text("title", 300))
        .col(text("message", 1000))
        .col(text("payload", 1000))
        .col(timestamp(manager, "created_at").not_null())
        .to_owned()
}

fn channel_events(manager: &SchemaManager) -> TableCreateStatement {
    let mut table = Table::create()
        .table("channel_events")
        .col(big("seq").primary_key())
        .col(big("channel_id"))
        .col(big("video_id"))
        .col(flag("is_visible"))
        .col(timestamp(manager, "occurred_at").not_null())
        .to_owned();
    with_content(&mut table, manager)
}

fn channel_heads(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("channel_heads")
        .col(big("channel_id"))
        .col(number("kind"))
        .col(big("latest"))
        .col(big("changed"))
        .primary_key(Index::create().col("channel_id").col("kind"))
        .to_owned()
}

fn direct_notices(manager: &SchemaManager) -> TableCreateStatement {
    let mut table =
        Table::create().table("direct_notices").col(big("seq").primary_key()).col(big("user_id")).to_owned();
    with_content(&mut table, manager)
}

fn memberships(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("memberships")
        .col(big("user_id"))
        .col(big("channel_id"))
        .col(number("tier"))
        .col(big("since_seq"))
        .col(big("version"))
        .primary_key(Index::create().col("user_id").col("channel_id"))
        .to_owned()
}

fn mutes(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("mutes")
        .col(big("user_id"))
        .col(big("channel_id"))
        .primary_key(Index::create().col("user_id").col("channel_id"))
        .to_owned()
}

fn readers(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("readers")
        .col(big("user_id").primary_key())
        .col(big("watermark"))
        .col(number("wanted"))
        .col(big("version"))
        .col(big("changed_seq"))
        .col(big("closed_seq"))
        .to_owned()
}

fn reads(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("read_marks")
        .col(big("user_id"))
        .col(big("seq"))
        .primary_key(Index::create().col("user_id").col("seq"))
        .to_owned()
}

fn channels(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("channels")
        .col(big("channel_id").primary_key())
        .col(big("owner_id"))
        .col(text("name", 200))
        .col(flag("is_hidden"))
        .col(big("version"))
        .to_owned()
}

fn videos(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("videos")
        .col(big("video_id").primary_key())
        .col(flag("is_visible"))
        .col(big("version"))
        .col(timestamp(manager, "updated_at").not_null())
        .to_owned()
}

fn stream_tickets(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("stream_tickets")
        .col(ColumnDef::new("digest").string_len(64).not_null().primary_key())
        .col(big("user_id"))
        .col(timestamp(manager, "expires_at").not_null())
        .to_owned()
}

fn deleted_channels(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("deleted_channels")
        .col(big("channel_id").primary_key())
        .col(big("owner_id"))
        .col(big("version"))
        .col(big("seq"))
        .col(timestamp(manager, "deleted_at").not_null())
        .col(flag("is_swept"))
        .to_owned()
}
