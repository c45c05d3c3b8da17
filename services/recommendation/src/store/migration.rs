//! The schema, one statement per step: MariaDB commits each.

use fenz_database::{
    schema::{big, flag, index, number, rename_table, rows, table, text, timestamp, unique},
    sequence,
};
use sea_orm_migration::prelude::*;

use crate::domain::decay;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            sequence::table("m20261121_000001_sequence"),
            sequence::seed("m20261121_000002_seed_sequence"),
            table("m20261121_000003_tags", tags),
            unique("m20261121_000004_tags_name", "tags", &["name_key"]),
            unique("m20261121_000005_tags_slug", "tags", &["slug"]),
            table("m20261121_000006_user_tags", user_tags),
            index("m20261121_000007_user_tags_of_tag", "user_tags", &["tag_id"]),
            table("m20261121_000008_guest_tags", guest_tags),
            index("m20261121_000009_guest_tags_of_tag", "guest_tags", &["tag_id"]),
            index("m20261121_000010_guest_tags_age", "guest_tags", &["chosen_at"]),
            table("m20261121_000011_viewers", viewers),
            table("m20261121_000012_channels", channels),
            index("m20261121_000013_channels_of_owner", "channels", &["owner_id"]),
            table("m20261121_000014_videos", videos),
            index("m20261121_000015_videos_changed", "videos", &["change_seq", "video_id"]),
            index("m20261121_000016_videos_of_channel", "videos", &["channel_id"]),
            index("m20261121_000017_videos_of_owner", "videos", &["owner_id"]),
            index("m20261121_000018_videos_gone", "videos", &["is_gone", "updated_at"]),
            // For title prefix lookups while there is no search index.
            index("m20261121_000019_videos_title", "videos", &["title_key"]),
            table("m20261121_000020_video_tags", video_tags),
            index("m20261121_000021_video_tags_of_video", "video_tags", &["video_id"]),
            table("m20261121_000022_video_views", video_views),
            index("m20261121_000023_video_views_changed", "video_views", &["change_seq", "video_id"]),
            table("m20261121_000024_view_hours", view_hours),
            index("m20261121_000025_view_hours_age", "view_hours", &["hour"]),
            table("m20261121_000026_decay", decay_table),
            rows("m20261121_000027_seed_decay", seed_decay),
            table("m20261121_000028_evictions", evictions),
            table("m20261121_000029_choosers", choosers),
            index("m20261121_000030_choosers_age", "choosers", &["chosen_at"]),
            rename_table("m20261129_000031_tag_choice_locks", "choosers", "tag_choice_locks"),
        ]
    }
}

/// `name_key` is the name in lower case, for comparisons.
fn tags(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("tags")
        .col(big("id").primary_key())
        .col(text("name", 64))
        .col(text("name_key", 200))
        .col(text("slug", 64))
        .col(big("version"))
        .col(timestamp(manager, "created_at").not_null())
        .to_owned()
}

fn user_tags(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("user_tags")
        .col(big("user_id"))
        .col(big("tag_id"))
        .primary_key(Index::create().col("user_id").col("tag_id"))
        .to_owned()
}

fn guest_tags(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("guest_tags")
        .col(text("session_id", 64))
        .col(big("tag_id"))
        .col(timestamp(manager, "chosen_at").not_null())
        .primary_key(Index::create().col("session_id").col("tag_id"))
        .to_owned()
}

/// Since renamed `tag_choice_locks`: the row that concurrent updates of one
/// viewer's tags lock.
fn choosers(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("choosers")
        .col(text("viewer", 80).primary_key())
        .col(timestamp(manager, "chosen_at").not_null())
        .to_owned()
}

/// Settings of users; a missing row means the defaults.
fn viewers(_: &SchemaManager) -> TableCreateStatement {
    Table::create().table("viewers").col(big("user_id").primary_key()).col(flag("watched_last")).to_owned()
}

fn channels(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("channels")
        .col(big("channel_id").primary_key())
        .col(big("owner_id"))
        .col(text("name", 200))
        .col(flag("is_hidden"))
        .col(flag("is_gone"))
        .col(big("version"))
        .col(timestamp(manager, "updated_at").not_null())
        .to_owned()
}

/// One row per video; tombstones stay for some days. `is_visible` is derived
/// from the other flags and those of the channel.
fn videos(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("videos")
        .col(big("video_id").primary_key())
        .col(big("change_seq"))
        .col(big("version"))
        .col(big("channel_id"))
        .col(big("owner_id"))
        .col(text("title", 300))
        .col(text("title_key", 400))
        .col(ColumnDef::new("description").text().not_null())
        .col(big("category_id"))
        .col(number("access_tier"))
        .col(flag("is_published"))
        .col(flag("is_hidden"))
        .col(flag("is_gone"))
        .col(flag("is_visible"))
        .col(number("duration_seconds"))
        .col(big("thumbnail_upload_id"))
        .col(timestamp(manager, "published_at").null())
        .col(timestamp(manager, "created_at").not_null())
        .col(timestamp(manager, "updated_at").not_null())
        .to_owned()
}

fn video_tags(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("video_tags")
        .col(big("tag_id"))
        .col(big("video_id"))
        .primary_key(Index::create().col("tag_id").col("video_id"))
        .to_owned()
}

/// The view count of a video. Apart from `videos`, because it changes every half
/// minute, and alone.
fn video_views(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("video_views")
        .col(big("video_id").primary_key())
        .col(big("total"))
        .col(big("change_seq"))
        .to_owned()
}

/// `hour` is hours since 1970.
fn view_hours(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("view_hours")
        .col(big("video_id"))
        .col(number("hour"))
        .col(big("views"))
        .primary_key(Index::create().col("video_id").col("hour"))
        .to_owned()
}

/// The weight of a view by its age: not every database has powers.
fn decay_table(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("decay")
        .col(number("age_hours").primary_key())
        .col(ColumnDef::new("weight").double().not_null())
        .to_owned()
}

/// The queue of changes that Redis does not reflect yet.
fn evictions(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("evictions")
        .col(big("seq"))
        .col(big("video_id"))
        // Tags that were removed from the video, comma-separated.
        .col(text("lost_tags", 1000))
        .col(flag("views_only"))
        .primary_key(Index::create().col("seq").col("video_id"))
        .to_owned()
}

fn seed_decay() -> InsertStatement {
    let mut insert = Query::insert();
    insert.into_table("decay").columns(["age_hours", "weight"]);
    for age in 0..=decay::RETENTION_HOURS {
        insert.values_panic([age.into(), decay::weight(age).into()]);
    }
    insert
}
