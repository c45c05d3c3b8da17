//! Why a handler did not apply an event.

use fenz_chassis::{Error, Reason, database::database_code};
use sea_orm::DbErr;

/// What a handler returns instead of `Ok`. Errors of the database and of other
/// services become the right variant with `?`.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event itself breaks a rule. Tried five times, then a dead letter.
    #[error("{0}")]
    Invalid(String),
    /// Something that the handler needs does not answer. The consumer pauses;
    /// the event is tried until it succeeds.
    #[error("{0}")]
    Unavailable(Error),
    /// Anything else. The event's fault if the service's dependencies answer
    /// and other events succeed, see [`crate::Consumer`].
    #[error("{0}")]
    Internal(Error),
}

impl HandlerError {
    pub fn invalid(reason: impl std::fmt::Display) -> Self {
        Self::Invalid(reason.to_string())
    }
}

impl From<Error> for HandlerError {
    fn from(error: Error) -> Self {
        if let Some(database) = error.database_error().filter(|database| is_about_the_data(database)) {
            return Self::Invalid(database.to_string());
        }
        match error.reason {
            Reason::Unavailable | Reason::DeadlineExceeded | Reason::RateLimited => Self::Unavailable(error),
            Reason::Internal => Self::Internal(error),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

impl From<DbErr> for HandlerError {
    fn from(error: DbErr) -> Self {
        Error::from(error).into()
    }
}

impl From<tonic::Status> for HandlerError {
    fn from(status: tonic::Status) -> Self {
        Error::from(status).into()
    }
}

/// Whether the database works and rejects this data: it always would.
fn is_about_the_data(error: &DbErr) -> bool {
    if error.sql_err().is_some() {
        return true;
    }
    match error {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => false,
        DbErr::Exec(_) | DbErr::Query(_) => database_code(error).is_some_and(|code| match code.parse::<u32>() {
            // SQLite: too big, constraint, mismatch; the high bytes are details.
            Ok(code) if code < 10_000 => matches!(code & 0xff, 18..=20),
            // SQLSTATE: data exception, integrity constraint violation.
            _ => code.starts_with("22") || code.starts_with("23"),
        }),
        _ => true,
    }
}

/// The error with its cause, for the log and the dead letter.
pub fn describe(error: &Error) -> String {
    error.database_error().map_or_else(|| format!("{error:?}"), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_the_events_fault_and_outages_are_not() {
        let of = |reason| HandlerError::from(Error::new(reason, "text"));
        assert!(matches!(of(Reason::VideoNotFound), HandlerError::Invalid(_)));
        assert!(matches!(of(Reason::Unavailable), HandlerError::Unavailable(_)));
        assert!(matches!(of(Reason::Internal), HandlerError::Internal(_)));
        assert!(matches!(HandlerError::from(DbErr::RecordNotFound("row".into())), HandlerError::Invalid(_)));
        let runtime = || sea_orm::RuntimeErr::Internal("error".into());
        assert!(matches!(HandlerError::from(DbErr::Conn(runtime())), HandlerError::Unavailable(_)));
        assert!(matches!(HandlerError::from(DbErr::Exec(runtime())), HandlerError::Internal(_)));
    }
}
