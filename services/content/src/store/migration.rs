//! The schema. One statement per migration, as MariaDB commits each.

use fenz_database::schema::{
    big, column, drop_table, flag, index, number, rename_table, rows, table, text, timestamp, unique,
};
use sea_orm_migration::prelude::*;

type Migrations = Vec<Box<dyn MigrationTrait>>;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Migrations {
        const PUBLIC: [&str; 4] = ["is_published", "hidden_reasons", "published_at", "id"];
        let public = |name, of: &'static str| index(name, "videos", &[&[of], &PUBLIC[..]].concat());
        let mut all: Migrations = vec![
            table("m20261101_000001_videos", videos),
            table("m20261101_000002_video_tags", video_tags),
            table("m20261101_000003_categories", categories),
            rows("m20261101_000004_seed_categories", seed_categories),
            table("m20261101_000005_idempotency_keys", idempotency_keys),
            table("m20261101_000006_media_errands", media_errands),
            // Index columns: the filter first, then the order.
            index("m20261101_000007_videos_public", "videos", &PUBLIC),
            public("m20261101_000008_videos_by_channel", "channel_id"),
            public("m20261101_000009_videos_by_category", "category_id"),
            index("m20261101_000010_videos_by_owner", "videos", &["owner_id", "created_at", "id"]),
            index("m20261101_000011_video_tags_by_tag", "video_tags", &["tag_id", "video_id"]),
            index("m20261101_000012_idempotency_keys_by_video", "idempotency_keys", &["video_id"]),
            index("m20261101_000013_idempotency_keys_by_age", "idempotency_keys", &["created_at"]),
            index("m20261101_000014_media_errands_due", "media_errands", &["due_at"]),
            index("m20261101_000015_media_errands_by_video", "media_errands", &["video_id"]),
        ];
        all.extend(moderation());
        all.extend(views());
        all.extend(imports());
        all.extend(renames());
        all.extend(publications());
        all
    }
}

/// Moderation, channel states and category names.
fn moderation() -> Migrations {
    vec![
        table("m20261102_000001_channel_states", channel_states),
        index("m20261102_000002_channel_states_hidden", "channel_states", &["is_hidden", "channel_id"]),
        index("m20261102_000003_channel_states_deleted", "channel_states", &["is_deleted", "channel_id"]),
        index("m20261102_000004_channel_states_by_owner", "channel_states", &["owner_id"]),
        table("m20261102_000005_sweeps", sweeps),
        index("m20261102_000006_videos_by_age", "videos", &["created_at", "id"]),
        index("m20261102_000007_videos_of_channel", "videos", &["channel_id", "created_at", "id"]),
        column("m20261102_000008_media_errands_owner", "media_errands", |_| {
            ColumnDef::new("owner_id").big_integer().null().to_owned()
        }),
        index("m20261102_000009_media_errands_by_owner", "media_errands", &["owner_id"]),
        column("m20261102_000010_categories_name_key", "categories", |_| {
            // A lower-case name can be longer.
            ColumnDef::new("name_key").string_len(300).null().to_owned()
        }),
        Box::new(FillNameKeys),
        unique("m20261102_000012_categories_by_name_key", "categories", &["name_key"]),
    ]
}

/// Views by hour, and watch history.
fn views() -> Migrations {
    vec![
        table("m20261103_000001_view_flushes", view_flushes),
        index("m20261103_000002_view_flushes_by_age", "view_flushes", &["flushed_at"]),
        table("m20261103_000003_view_hours", view_hours),
        index("m20261103_000004_view_hours_by_age", "view_hours", &["hour"]),
        table("m20261103_000005_view_records", view_records),
        index("m20261103_000006_view_records_of_user", "view_records", &["user_id", "watched_at", "video_id"]),
        index("m20261103_000007_view_records_by_age", "view_records", &["watched_at"]),
        table("m20261103_000008_history_settings", history_settings),
        column("m20261103_000009_history_settings_cleared_at", "history_settings", |manager| {
            timestamp(manager, "cleared_at").null().to_owned()
        }),
    ]
}

/// Publications that wait for the file or for their time.
fn publications() -> Migrations {
    vec![
        column("m20261130_000002_videos_publish_at", "videos", |manager| {
            timestamp(manager, "publish_at").null().to_owned()
        }),
        column("m20261130_000003_videos_media_status", "videos", |_| {
            text("media_status", 16).default("ready").to_owned()
        }),
        column("m20261130_000004_videos_media_failure", "videos", |_| text("media_failure", 32).default("").to_owned()),
    ]
}

/// Import keys of videos.
fn imports() -> Migrations {
    vec![
        column("m20261104_000001_videos_import_key", "videos", |_| {
            ColumnDef::new("import_key").string_len(64).null().to_owned()
        }),
        unique("m20261104_000002_videos_by_import_key", "videos", &["import_key"]),
    ]
}

fn renames() -> Migrations {
    vec![
        rename_table("m20261129_000001_pending_calls", "media_errands", "pending_calls"),
        rename_table("m20261129_000002_cascades", "sweeps", "cascades"),
        drop_table("m20261130_000001_no_pending_calls", "pending_calls"),
    ]
}

fn videos(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("videos")
        .col(big("id").primary_key())
        .col(big("channel_id"))
        .col(big("owner_id"))
        .col(text("title", 200))
        // 10,000 characters of four bytes fit into MariaDB's TEXT.
        .col(ColumnDef::new("description").text().not_null())
        .col(ColumnDef::new("category_id").big_integer())
        .col(number("access_tier"))
        .col(flag("is_published"))
        .col(number("hidden_reasons"))
        .col(big("views_member"))
        .col(big("views_non_member"))
        .col(number("duration_seconds"))
        .col(number("width"))
        .col(number("height"))
        .col(big("video_upload_id"))
        .col(ColumnDef::new("thumbnail_upload_id").big_integer())
        .col(timestamp(manager, "created_at").not_null())
        .col(timestamp(manager, "published_at").null())
        .col(timestamp(manager, "updated_at").not_null())
        .col(big("version"))
        .to_owned()
}

fn video_tags(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("video_tags")
        .col(big("video_id"))
        .col(big("tag_id"))
        .col(number("position"))
        .primary_key(Index::create().col("video_id").col("tag_id"))
        .to_owned()
}

fn categories(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("categories")
        .col(big("id").primary_key())
        .col(text("name", 100))
        .col(text("slug", 100).unique_key())
        .to_owned()
}

fn idempotency_keys(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(big("owner_id"))
        .col(text("key_hash", 64))
        .col(text("request_hash", 64))
        .col(big("video_id"))
        .col(timestamp(manager, "created_at").not_null())
        .primary_key(Index::create().col("owner_id").col("key_hash"))
        .to_owned()
}

fn media_errands(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("media_errands")
        .col(big("id").primary_key())
        .col(big("video_id"))
        .col(big("upload_id"))
        .col(flag("is_intent"))
        .col(flag("keep_files"))
        .col(number("attempts"))
        .col(timestamp(manager, "due_at").not_null())
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

fn sweeps(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("sweeps")
        .col(number("kind"))
        .col(big("subject_id"))
        .col(timestamp(manager, "made_before").not_null())
        .col(timestamp(manager, "keep_until").not_null())
        .primary_key(Index::create().col("kind").col("subject_id"))
        .to_owned()
}

fn view_flushes(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("view_flushes")
        .col(big("id").primary_key())
        .col(timestamp(manager, "flushed_at").not_null())
        .to_owned()
}

fn view_hours(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("view_hours")
        .col(big("video_id"))
        .col(big("hour"))
        .col(big("member"))
        .col(big("non_member"))
        .primary_key(Index::create().col("video_id").col("hour"))
        .to_owned()
}

fn view_records(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("view_records")
        .col(big("user_id"))
        .col(big("video_id"))
        .col(timestamp(manager, "watched_at").not_null())
        .primary_key(Index::create().col("user_id").col("video_id"))
        .to_owned()
}

fn history_settings(_: &SchemaManager) -> TableCreateStatement {
    Table::create().table("history_settings").col(big("user_id").primary_key()).col(flag("enabled")).to_owned()
}

struct FillNameKeys;

impl MigrationName for FillNameKeys {
    fn name(&self) -> &'static str {
        "m20261102_000011_fill_name_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for FillNameKeys {
    /// SQL `lower` suffices for the seeded categories, the only ones there can be.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lower = Func::lower(Expr::col("name"));
        manager.execute(Query::update().table("categories").value("name_key", lower).to_owned()).await
    }
}

/// The seeded categories. Ids count from 1 in this order.
const CATEGORIES: [(&str, &str); 10] = [
    ("音樂", "music"),
    ("遊戲", "gaming"),
    ("教育", "education"),
    ("娛樂", "entertainment"),
    ("科技", "technology"),
    ("運動", "sports"),
    ("新聞", "news"),
    ("美食", "food"),
    ("旅遊", "travel"),
    ("生活", "lifestyle"),
];

fn seed_categories() -> InsertStatement {
    let mut insert = Query::insert();
    insert.into_table("categories").columns(["id", "name", "slug"]);
    for (id, (name, slug)) in (1_i64..).zip(CATEGORIES) {
        insert.values_panic([id.into(), name.into(), slug.into()]);
    }
    insert
}
