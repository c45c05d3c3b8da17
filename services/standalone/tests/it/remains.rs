//! What is left of somebody in the databases: every column of every table is
//! looked at as text.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};

/// Tables that may have the id of a user who is gone, and nothing else of them:
/// who and which channel was deleted is remembered for as long as events may
/// come late, streams of theirs are ended for a minute, the progress of the
/// erasure and the audit log keep ids.
const EXPECTED: [&str; 7] = [
    "erased_users",
    "admin.erasures",
    "admin.erasure_progress",
    "admin.audit_entries",
    "notification.deleted_channels",
    "notification.readers",
    "recommendation.channels",
];

/// Whether none of the texts occurs; prints where one does.
pub async fn are_none(databases: &BTreeMap<String, String>, texts: &[String]) -> bool {
    let left = find(databases, texts).await;
    if !left.is_empty() {
        println!("left: {left:?}");
    }
    left.is_empty()
}

/// `service.table.column: rows` wherever one of the texts occurs.
async fn find(databases: &BTreeMap<String, String>, texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (service, url) in databases {
        let db = Database::connect(url).await.unwrap();
        for (table, column, is_bytes) in columns(&db).await {
            let expected = EXPECTED.iter().any(|e| *e == table || *e == format!("{service}.{table}"));
            if expected || table == "seaql_migrations" {
                continue;
            }
            // Bytes of an event have texts in them too.
            let text = if is_bytes {
                format!("encode(\"{column}\", 'escape')")
            } else {
                format!("CAST(\"{column}\" AS TEXT)")
            };
            let like: Vec<_> = texts.iter().map(|wanted| format!("{text} LIKE '%{wanted}%'")).collect();
            let rows = count(&db, &format!("SELECT COUNT(*) AS n FROM \"{table}\" WHERE {}", like.join(" OR "))).await;
            if rows > 0 {
                found.push(format!("{service}.{table}.{column}: {rows}"));
            }
        }
        db.close().await.unwrap();
    }
    found
}

/// Tables, columns, and whether PostgreSQL has to be asked for its text.
async fn columns(db: &DatabaseConnection) -> Vec<(String, String, bool)> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT table_name AS t, column_name AS c, data_type = 'bytea' AS b FROM information_schema.columns \
             WHERE table_schema = 'public'"
        }
        _ => {
            "SELECT m.name AS t, p.name AS c, FALSE AS b FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    let read = |row: &QueryResult| {
        (row.try_get("", "t").unwrap(), row.try_get("", "c").unwrap(), row.try_get("", "b").unwrap())
    };
    rows.iter().map(read).collect()
}

async fn count(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}
