//! The schema, one statement per step: MariaDB commits each.

use fenz_database::{
    schema::{big, column, drop_table, index, index_as, rename_table, sql, table, text, timestamp},
    sequence,
};
use sea_orm_migration::prelude::*;

use crate::domain::account;

/// Sessions that ended before their ends were numbered.
const FILL_SESSION_ENDS: &str = "INSERT INTO session_ends (seq, session_id, ended_at) \
     SELECT ROW_NUMBER() OVER (ORDER BY ended_at, id), id, ended_at FROM (\
     SELECT id, ended_at FROM sessions WHERE ended_at IS NOT NULL \
     UNION SELECT id, ended_at FROM ended_sessions) AS ended \
     WHERE NOT EXISTS (SELECT 1 FROM session_ends)";

/// Rows per statement when a column is filled.
const BATCH_SIZE: u64 = 500;

/// All steps, in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            table("m20261121_000001_users", users),
            table("m20261121_000002_sessions", sessions),
            index("m20261121_000003_sessions_open", "sessions", &["user_id", "ended_at"]),
            index("m20261121_000004_sessions_ended", "sessions", &["ended_at"]),
            index("m20261121_000005_sessions_expiry", "sessions", &["expires_at"]),
            table("m20261121_000006_refresh_tokens", refresh_tokens),
            index_as("m20261121_000007_refresh_session", "refresh_tokens_session", "refresh_tokens", &["session_id"]),
            index_as("m20261121_000008_refresh_expiry", "refresh_tokens_expiry", "refresh_tokens", &["expires_at"]),
            table("m20261121_000009_one_time_tokens", one_time_tokens),
            table("m20261121_000010_signing_keys", signing_keys),
            table("m20261121_000011_login_failures", login_failures),
            index_as("m20261121_000012_failures_expiry", "login_failures_expiry", "login_failures", &["forget_at"]),
            table("m20261121_000013_media_errands", media_errands),
            index_as("m20261121_000014_errands_due", "media_errands_due", "media_errands", &["due_at"]),
            column("m20261122_000015_display_name_key", "users", |_| {
                text("display_name_key", 128).default("").to_owned()
            }),
            Box::new(FillDisplayNameKeys),
            index("m20261122_000017_users_role", "users", &["role", "id"]),
            table("m20261122_000018_ended_sessions", ended_sessions),
            index("m20261122_000019_ended_sessions_age", "ended_sessions", &["ended_at"]),
            column("m20261122_000020_failures_subject", "login_failures", |_| {
                text("subject", 64).default("").to_owned()
            }),
            index_as("m20261122_000021_failures_subject", "login_failures_subject", "login_failures", &["subject"]),
            table("m20261122_000022_unreported", unreported_failures),
            index("m20261122_000023_unreported_subject", "unreported_failures", &["subject"]),
            rename_table("m20261129_000024_pending_calls", "media_errands", "pending_calls"),
            drop_table("m20261130_000025_no_pending_calls", "pending_calls"),
            sequence::table("m20261130_000026_sequence"),
            sequence::seed("m20261130_000027_seed_sequence"),
            table("m20261130_000028_session_ends", session_ends),
            index("m20261130_000029_session_ends_age", "session_ends", &["ended_at"]),
            sql("m20261130_000030_fill_session_ends", FILL_SESSION_ENDS),
            sql(
                "m20261130_000031_fill_sequence",
                "UPDATE sequence SET last = (SELECT COALESCE(MAX(seq), 0) FROM session_ends)",
            ),
            drop_table("m20261130_000032_no_ended_sessions", "ended_sessions"),
            table("m20261130_000033_secrets", secrets),
            column("m20261130_000034_unreported_user", "unreported_failures", |_| big("user_id").default(0).to_owned()),
        ]
    }
}

fn users(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(big("id").primary_key())
        .col(text("username", 32))
        .col(text("username_key", 32).unique_key())
        .col(text("email", 254))
        .col(text("email_key", 254).unique_key())
        .col(text("display_name", 64))
        .col(text("password_hash", 255))
        .col(text("role", 16))
        .col(ColumnDef::new("hidden_reasons").integer().not_null())
        .col(timestamp(manager, "banned_until"))
        .col(ColumnDef::new("avatar_upload_id").big_integer())
        .col(big("version"))
        .col(timestamp(manager, "created_at").not_null())
        .col(timestamp(manager, "updated_at").not_null())
        .to_owned()
}

fn sessions(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("sessions")
        .col(text("id", 64).primary_key())
        .col(big("user_id"))
        .col(text("device", 256))
        .col(text("address", 64))
        .col(timestamp(manager, "created_at").not_null())
        .col(timestamp(manager, "last_used_at").not_null())
        .col(timestamp(manager, "expires_at").not_null())
        .col(timestamp(manager, "ended_at"))
        .to_owned()
}

fn refresh_tokens(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("refresh_tokens")
        .col(text("digest", 64).primary_key())
        .col(text("session_id", 64))
        .col(timestamp(manager, "expires_at").not_null())
        .col(timestamp(manager, "used_at"))
        .to_owned()
}

fn one_time_tokens(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("one_time_tokens")
        .col(big("user_id"))
        .col(text("kind", 16))
        .col(text("digest", 64).unique_key())
        .col(text("payload", 254))
        .col(timestamp(manager, "expires_at").not_null())
        .primary_key(Index::create().col("user_id").col("kind"))
        .to_owned()
}

fn signing_keys(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("signing_keys")
        .col(big("generation").primary_key())
        .col(text("kid", 64).unique_key())
        .col(text("seed", 64))
        .col(timestamp(manager, "active_from").not_null())
        .col(timestamp(manager, "retired_at"))
        .to_owned()
}

fn login_failures(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("login_failures")
        .col(text("digest", 64).primary_key())
        .col(ColumnDef::new("failures").integer().not_null())
        .col(timestamp(manager, "blocked_until").not_null())
        .col(timestamp(manager, "forget_at").not_null())
        .to_owned()
}

fn media_errands(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("media_errands")
        .col(text("claim", 128).primary_key())
        .col(ColumnDef::new("keep_files").boolean().not_null())
        .col(timestamp(manager, "due_at").not_null())
        .col(ColumnDef::new("started").boolean().not_null())
        .to_owned()
}

fn ended_sessions(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("ended_sessions")
        .col(text("id", 64).primary_key())
        .col(timestamp(manager, "ended_at").not_null())
        .to_owned()
}

fn session_ends(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("session_ends")
        .col(big("seq").primary_key())
        .col(text("session_id", 64))
        .col(timestamp(manager, "ended_at").not_null())
        .to_owned()
}

fn unreported_failures(_: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("unreported_failures")
        .col(text("digest", 64).primary_key())
        .col(text("subject", 64))
        .col(text("name", 254))
        .col(text("address", 64))
        .col(ColumnDef::new("failures").integer().not_null())
        .to_owned()
}

fn secrets(_: &SchemaManager) -> TableCreateStatement {
    Table::create().table("secrets").col(text("name", 32).primary_key()).col(text("value", 64)).to_owned()
}

/// Fills the keys of existing accounts. Not by SQL: SQLite's LOWER handles only
/// ASCII.
struct FillDisplayNameKeys;

impl MigrationName for FillDisplayNameKeys {
    fn name(&self) -> &'static str {
        "m20261122_000016_fill_display_name_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for FillDisplayNameKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let mut last = i64::MIN;
        loop {
            let page = Query::select()
                .columns(["id", "display_name"])
                .from("users")
                .and_where(Expr::col("id").gt(last))
                .order_by("id", Order::Asc)
                .limit(BATCH_SIZE)
                .to_owned();
            let rows = db.query_all(&page).await?;
            for row in &rows {
                let name: String = row.try_get("", "display_name")?;
                last = row.try_get("", "id")?;
                let fill = Query::update()
                    .table("users")
                    .value("display_name_key", account::key(&name))
                    .and_where(Expr::col("id").eq(last))
                    .to_owned();
                db.execute(&fill).await?;
            }
            if (rows.len() as u64) < BATCH_SIZE {
                return Ok(());
            }
        }
    }
}
