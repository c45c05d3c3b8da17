//! The schema, one statement per migration: MariaDB commits each statement.

use fenz_database::schema::{
    big, column, drop_column, drop_index, flag, index, index_as, number, table, text, timestamp,
};
use sea_orm_migration::prelude::*;

use crate::domain::upload_use::UploadUse;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
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
            column("m20261130_000013_used_by_kind", "uploads", |_| {
                ColumnDef::new("used_by_kind").string_len(16).to_owned()
            }),
            column("m20261130_000014_used_by_id", "uploads", |_| ColumnDef::new("used_by_id").big_integer().to_owned()),
            column("m20261130_000015_is_confirmed", "uploads", |_| flag("is_confirmed").default(false).to_owned()),
            Box::new(UsesOfClaims),
            drop_index("m20261130_000017_no_claim", "uploads_claim", "uploads"),
            drop_column("m20261130_000018_no_claim", "uploads", "claim"),
            index("m20261130_000019_uploads_used_by", "uploads", &["used_by_id", "used_by_kind"]),
            table("m20261130_000020_reservations", reservations),
            index("m20261130_000021_reservations_upload", "reservations", &["upload_id"]),
            table("m20261130_000022_user_states", user_states),
            column("m20261130_000023_uploads_status", "uploads", |_| text("status", 16).default("ready").to_owned()),
            column("m20261130_000024_uploads_failure", "uploads", |_| text("failure", 32).default("").to_owned()),
        ]
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

fn reservations(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("reservations")
        .col(big("id"))
        .col(big("upload_id"))
        .col(timestamp(manager, "reserved_at").not_null())
        .primary_key(Index::create().col("id").col("upload_id"))
        .to_owned()
}

fn user_states(_: &SchemaManager) -> TableCreateStatement {
    Table::create().table("user_states").col(big("user_id").primary_key()).col(big("version")).to_owned()
}

/// Reads the text that named an upload's object into two columns.
struct UsesOfClaims;

impl MigrationName for UsesOfClaims {
    fn name(&self) -> &'static str {
        "m20261130_000016_uses_of_claims"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for UsesOfClaims {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let claims = Query::select()
            .columns(["id", "claim"])
            .from("uploads")
            .and_where(Expr::col("claim").is_not_null())
            .to_owned();
        for row in db.query_all(&claims).await? {
            let (id, claim): (i64, String) = (row.try_get("", "id")?, row.try_get("", "claim")?);
            let Some(used_by) = UploadUse::parse(&claim) else { continue };
            let (kind, object) = used_by.columns();
            let update = Query::update()
                .table("uploads")
                .values([("used_by_kind", kind.into()), ("used_by_id", object.into()), ("is_confirmed", true.into())])
                .and_where(Expr::col("id").eq(id))
                .to_owned();
            db.execute(&update).await?;
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use fenz_testkit::Database;
    use sea_orm::{Database as Connector, Statement};

    use super::*;

    /// The steps before `used_by_kind`.
    const BEFORE: u32 = 12;

    #[tokio::test]
    async fn uploads_keep_their_objects_when_claims_become_columns() {
        for database in Database::available() {
            let folder = tempfile::tempdir().unwrap();
            let url = database.create(folder.path(), "media").await.unwrap();
            let db = Connector::connect(&url).await.unwrap();
            Migrator::up(&db, Some(BEFORE)).await.unwrap();
            for (id, claim) in [(1, "'video/7'"), (2, "'user/8/avatar/2'"), (3, "'channel/9/banner/3'"), (4, "NULL")] {
                let insert = format!(
                    "INSERT INTO uploads (id, owner_id, kind, state, content_type, size_bytes, sha256, duration_seconds, \
                     width, height, object_key, claim, touched_at, created_at) VALUES ({id}, 7, 'image', 'stored', \
                     'image/png', 1, '', 0, 0, 0, 'uploads/{id}', {claim}, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
                );
                db.execute_unprepared(&insert).await.unwrap();
            }
            Migrator::up(&db, None).await.unwrap();
            let select = "SELECT used_by_kind, used_by_id, is_confirmed FROM uploads ORDER BY id";
            let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), select)).await.unwrap();
            let found: Vec<(Option<String>, Option<i64>, bool)> = rows
                .iter()
                .map(|row| {
                    let kind = row.try_get("", "used_by_kind").unwrap();
                    (kind, row.try_get("", "used_by_id").unwrap(), row.try_get("", "is_confirmed").unwrap())
                })
                .collect();
            let by = |kind: &str, id| (Some(kind.to_owned()), Some(id), true);
            assert_eq!(found, [by("video", 7), by("user", 8), by("channel", 9), (None, None, false)], "{database:?}");
        }
    }
}
