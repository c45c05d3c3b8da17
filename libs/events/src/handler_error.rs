//! Why a handler did not apply an event.

use fenz_chassis::status;
use fenz_core::{Error, Reason};
use fenz_database::DbError;

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
        if let Some(database) = fenz_database::cause(&error).filter(|database| database.is_about_the_data()) {
            return Self::Invalid(database.to_string());
        }
        match error.reason {
            Reason::Unavailable | Reason::DeadlineExceeded | Reason::RateLimited => Self::Unavailable(error),
            Reason::Internal => Self::Internal(error),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

impl From<DbError> for HandlerError {
    fn from(error: DbError) -> Self {
        Error::from(error).into()
    }
}

impl From<tonic::Status> for HandlerError {
    fn from(status: tonic::Status) -> Self {
        status::into_error(status).into()
    }
}

/// The error with its cause, for the log and the dead letter.
pub fn describe(error: &Error) -> String {
    fenz_database::cause(error).map_or_else(|| format!("{error:?}"), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbErr, RuntimeErr};

    use super::*;

    #[test]
    fn rules_are_the_events_fault_and_outages_are_not() {
        let of = |reason| HandlerError::from(Error::new(reason, "text"));
        assert!(matches!(of(Reason::VideoNotFound), HandlerError::Invalid(_)));
        assert!(matches!(of(Reason::Unavailable), HandlerError::Unavailable(_)));
        assert!(matches!(of(Reason::Internal), HandlerError::Internal(_)));
        assert!(matches!(HandlerError::from(DbError::malformed("row")), HandlerError::Invalid(_)));
        let runtime = || RuntimeErr::Internal("error".into());
        assert!(matches!(HandlerError::from(DbError::from(DbErr::Conn(runtime()))), HandlerError::Unavailable(_)));
        assert!(matches!(HandlerError::from(DbError::from(DbErr::Exec(runtime()))), HandlerError::Internal(_)));
    }
}
