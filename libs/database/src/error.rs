//! What a query fails with, and whose fault it is.

use fenz_core::Error;
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// What a query failed with. Use cases make an [`Error`] of it with `?`:
/// `UNAVAILABLE` where the database does not answer, else `INTERNAL`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DbError(#[from] DbErr);

impl DbError {
    /// A row that the code cannot read.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self(DbErr::Type(what.into()))
    }

    /// Whether a write failed because such a row exists.
    pub fn is_duplicate(&self) -> bool {
        matches!(self.0.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
    }

    /// Whether the database does not answer, or closed the connection.
    pub fn is_unavailable(&self) -> bool {
        use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        if matches!(self.0, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
            return true;
        }
        match sqlx_error(&self.0) {
            Some(Io(_) | Tls(_) | Protocol(_) | WorkerCrashed | PoolTimedOut | PoolClosed) => true,
            // SQLSTATE: connection exception, shutdown. SQLite's numbers are shorter.
            _ => {
                self.code().is_some_and(|code| code.len() == 5 && (code.starts_with("08") || code.starts_with("57P0")))
            }
        }
    }

    /// SQLSTATE, or SQLite's number.
    pub fn code(&self) -> Option<String> {
        sqlx_error(&self.0)?.as_database_error()?.code().map(|c| c.to_string())
    }

    /// Whether the database works and refuses what it was given: it would
    /// refuse the same again and again.
    pub fn is_about_the_data(&self) -> bool {
        if self.0.sql_err().is_some() {
            return true;
        }
        match self.0 {
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => false,
            DbErr::Exec(_) | DbErr::Query(_) => self.code().is_some_and(|code| match code.parse::<u32>() {
                // SQLite: too big, constraint, mismatch; the high bytes tell more.
                Ok(code) if code < 10_000 => matches!(code & 0xff, 18..=20),
                // SQLSTATE: data exception, integrity constraint violation.
                _ => code.starts_with("22") || code.starts_with("23"),
            }),
            _ => true,
        }
    }

    /// Whether the database chose another transaction over this one.
    fn is_lost_race(&self) -> bool {
        let Some(error) = sqlx_error(&self.0).and_then(|e| e.as_database_error()) else { return false };
        // MySQL's lock wait timeout is a general error by its SQLSTATE.
        if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return [1205, 1213].contains(&error.number());
        }
        // PostgreSQL: serialization failure, deadlock. SQLite: busy, busy snapshot, locked.
        error.code().is_some_and(|code| ["40001", "40P01", "5", "517", "6"].contains(&code.as_ref()))
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        if error.is_unavailable() { Self::unavailable("the database", error) } else { Self::internal(error) }
    }
}

/// What the database said, where that is the cause.
pub fn cause(error: &Error) -> Option<&DbError> {
    error.cause.as_ref()?.downcast_ref()
}

/// Whether a use case failed because such a row exists.
pub fn is_duplicate(error: &Error) -> bool {
    cause(error).is_some_and(DbError::is_duplicate)
}

pub(crate) fn is_lost_race(error: &Error) -> bool {
    cause(error).is_some_and(DbError::is_lost_race)
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::Reason;

    use super::*;

    #[test]
    fn a_lost_connection_is_not_our_fault() {
        let reason = |error: sqlx::Error| Error::from(DbError(DbErr::Exec(RuntimeErr::SqlxError(error.into())))).reason;
        assert_eq!(reason(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Reason::Unavailable);
        assert_eq!(reason(sqlx::Error::PoolTimedOut), Reason::Unavailable);
        assert_eq!(reason(sqlx::Error::RowNotFound), Reason::Internal);
    }
}
