//! Why a handler did not take an event.

use fenz_chassis::{Error, Reason, database::database_code};
use sea_orm::DbErr;

/// What a handler says instead of `Ok`. Errors of the database and of other
/// services become the right one with `?`.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The event itself is bad: it breaks a rule. Tried a few times, then a
    /// dead letter.
    #[error("{0}")]
    Message(String),
    /// Something that the handler needs is away. Tried until it is back, and
    /// no other event of the consumer before.
    #[error("{0}")]
    Dependency(Error),
}

impl Refusal {
    pub fn message(reason: impl std::fmt::Display) -> Self {
        Self::Message(reason.to_string())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let away = match error.database_error() {
            Some(database) => !is_about_the_data(database),
            None => matches!(
                error.reason,
                Reason::Unavailable | Reason::DeadlineExceeded | Reason::RateLimited | Reason::Internal
            ),
        };
        if away {
            return Self::Dependency(error);
        }
        Self::Message(error.database_error().map_or_else(|| error.to_string(), ToString::to_string))
    }
}

impl From<DbErr> for Refusal {
    fn from(error: DbErr) -> Self {
        Error::from(error).into()
    }
}

impl From<tonic::Status> for Refusal {
    fn from(status: tonic::Status) -> Self {
        Error::from(status).into()
    }
}

/// Whether the database is well and refuses what it was given: the same event
/// would be refused for ever.
fn is_about_the_data(error: &DbErr) -> bool {
    if error.sql_err().is_some() {
        return true;
    }
    match error {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => false,
        DbErr::Exec(_) | DbErr::Query(_) => database_code(error).is_some_and(|code| match code.parse::<u32>() {
            // SQLite: too big, constraint, mismatch; the high bytes tell more.
            Ok(code) if code < 10_000 => matches!(code & 0xff, 18..=20),
            // SQLSTATE: data exception, integrity constraint violation.
            _ => code.starts_with("22") || code.starts_with("23"),
        }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_the_messages_fault_and_absence_is_not() {
        let of = |reason| Refusal::from(Error::new(reason, "text"));
        assert!(matches!(of(Reason::VideoNotFound), Refusal::Message(_)));
        assert!(matches!(of(Reason::Unavailable), Refusal::Dependency(_)));
        assert!(matches!(Refusal::from(DbErr::RecordNotFound("row".into())), Refusal::Message(_)));
        let gone = DbErr::Conn(sea_orm::RuntimeErr::Internal("gone".into()));
        assert!(matches!(Refusal::from(gone), Refusal::Dependency(_)));
    }
}
