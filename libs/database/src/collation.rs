//! MariaDB and MySQL compare text byte by byte, as the others do.
//!
//! Their usual binary collation, `utf8mb4_bin`, ignores trailing spaces: `"ann "` finds
//! `"ann"`. A collation without padding does not.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait;

/// Of MariaDB, and of MySQL since 8.0.17. Newer versions of MariaDB know both.
const COLLATIONS: [&str; 2] = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"];

const KNOWN: &str = "SELECT CAST(collation_name AS CHAR) AS name FROM information_schema.collations \
     WHERE collation_name IN (?, ?)";

/// Tables with another collation, or with a column that has another one. Not a join, for
/// which MariaDB looks into all databases of the server.
const DIFFERENT: &str = "SELECT CAST(table_name AS CHAR) AS name FROM information_schema.tables \
     WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_collation <> ? \
     UNION SELECT CAST(table_name AS CHAR) FROM information_schema.columns \
     WHERE table_schema = DATABASE() AND collation_name <> ? AND table_name NOT IN \
     (SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE())";

/// The collation without padding that a server of MariaDB or MySQL has.
///
/// # Errors
/// What the database says, and when it is too old.
pub(crate) async fn unpadded(db: &impl ConnectionTrait) -> Result<&'static str, DbErr> {
    let known = names(db, KNOWN, COLLATIONS).await?;
    COLLATIONS.into_iter().find(|collation| known.iter().any(|name| name == collation)).ok_or_else(|| {
        DbErr::Migration(format!("the server has none of {}: it should be newer", COLLATIONS.join(", ")))
    })
}

/// Applies the migrations. All tables have the same collation before, as a step may
/// compare old columns with new ones, and after, whoever made them.
///
/// # Errors
/// What the database says.
pub(crate) async fn migrate<M: MigratorTrait>(db: &DatabaseConnection) -> Result<(), DbErr> {
    convert(db).await?;
    M::up(db, None).await?;
    convert(db).await
}

/// Converts the tables of the database that have another collation.
async fn convert(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(());
    }
    let collation = unpadded(db).await?;
    for table in names(db, DIFFERENT, [collation; 2]).await? {
        tracing::info!(table, collation, "converting the text of a table");
        let table = table.replace('`', "``");
        let convert = format!("ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}");
        db.execute_unprepared(&convert).await?;
    }
    Ok(())
}

async fn names(db: &impl ConnectionTrait, sql: &str, values: [&str; 2]) -> Result<Vec<String>, DbErr> {
    let query = Statement::from_sql_and_values(DbBackend::MySql, sql, values.map(Into::into));
    db.query_all_raw(query).await?.iter().map(|row| row.try_get("", "name")).collect()
}
