//! How many connections a database server takes, and how many it has.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

/// The connections of a server, of all its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub limit: i64,
    pub open: i64,
}

/// None for SQLite, which has no server.
///
/// # Errors
/// What the database says.
pub async fn room(db: &DatabaseConnection) -> Result<Option<Room>, DbErr> {
    let backend = db.get_database_backend();
    // The last column is the number, as text.
    let (limit, open, column) = match backend {
        DbBackend::Postgres => (
            "SELECT (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int)::text",
            "SELECT SUM(numbackends)::text FROM pg_stat_database",
            0,
        ),
        DbBackend::MySql => {
            ("SHOW GLOBAL VARIABLES LIKE 'max_connections'", "SHOW GLOBAL STATUS LIKE 'Threads_connected'", 1)
        }
        _ => return Ok(None),
    };
    let number = async |sql: &str| -> Result<i64, DbErr> {
        let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
        let text: String = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(column)?;
        text.parse().map_err(|_| DbErr::Type(format!("{text} is no number")))
    };
    Ok(Some(Room { limit: number(limit).await?, open: number(open).await? }))
}

/// Says at the start what the pool may need and the server has. Beyond the limit
/// PostgreSQL's connections are waited for, and MySQL's fail at once.
pub async fn report(db: &DatabaseConnection, service: &str, pool: u32) {
    match room(db).await {
        Ok(Some(Room { limit, open })) if limit - open < i64::from(pool) => tracing::warn!(
            service,
            pool,
            limit,
            open,
            "the database server has fewer connections left than FENZ_DATABASE__MAX_CONNECTIONS"
        ),
        Ok(Some(Room { limit, open })) => tracing::info!(service, pool, limit, open, "connected to the database"),
        Ok(None) => {}
        Err(error) => tracing::debug!(service, %error, "the database server does not tell its connections"),
    }
}
