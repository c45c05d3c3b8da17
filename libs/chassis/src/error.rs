//! The one error vocabulary of use cases, and how it becomes a status.

use std::{collections::HashMap, time::Duration};

use fenz_contract::{ErrorReason, reason::DOMAIN};
use sea_orm::DbErr;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use crate::database::is_away;

/// Marks a refusal of a caller as a service. It is about the two services, and
/// none of the business of the user whose request led to the call.
pub(crate) const OF_SERVICE: &str = "ofService";

/// Why a use case refused or failed. What the caller reads and what the log
/// keeps are different fields.
#[derive(Debug, thiserror::Error)]
#[error("{reason:?}: {message}")]
pub struct Error {
    pub reason: ErrorReason,
    /// For the caller.
    message: String,
    metadata: HashMap<String, String>,
    violations: Vec<(String, String)>,
    /// For the log.
    cause: Option<anyhow::Error>,
}

impl Error {
    /// A refusal with its reason and a sentence for the caller: lower-case,
    /// without a full stop.
    pub fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), metadata: HashMap::new(), violations: Vec::new(), cause: None }
    }

    /// A field that is wrong in a way that only the use case can see.
    pub fn field(reason: ErrorReason, field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        let mut error = Self::new(reason, format!("{field} {description}"));
        error.violations.push((field.to_owned(), description));
        error
    }

    /// Something to wait for; told as whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.metadata.insert("retryAfterSeconds".to_owned(), seconds.max(1).to_string());
        self
    }

    /// More for the caller to go by, e.g. the tier that a video asks for.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and strings alike")]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Takes a piece of metadata out again: it goes elsewhere than the body.
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.metadata.remove(key)
    }

    /// A fault of ours. The caller learns nothing but the request id.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        let mut error = Self::new(ErrorReason::Internal, "something went wrong on our side");
        error.cause = Some(source.into());
        error
    }

    /// Something we need does not answer.
    pub fn unavailable(what: &str, source: impl Into<anyhow::Error>) -> Self {
        let mut error = Self::new(ErrorReason::Unavailable, format!("{what} does not answer; try again"));
        error.cause = Some(source.into());
        error
    }

    /// What the database said, where that is the cause.
    pub fn database_error(&self) -> Option<&DbErr> {
        self.cause.as_ref()?.downcast_ref()
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            error if is_away(&error) => Self::unavailable("the database", error),
            error => Self::internal(error),
        }
    }
}

/// What another service said. Refusals that carry a reason pass through; what
/// does not is ours to log.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let info = status.get_error_details().error_info().cloned();
        let reason = info.as_ref().and_then(|i| ErrorReason::from_str_name(&i.reason));
        match (reason, status.code()) {
            (Some(ErrorReason::Internal), _) => Self::internal(status),
            _ if info.as_ref().is_some_and(|i| i.metadata.contains_key(OF_SERVICE)) => {
                Self::unavailable("a service we need", status)
            }
            (Some(reason), _) => {
                let mut error = Self::new(reason, status.message());
                error.metadata = info.map(|i| i.metadata).unwrap_or_default();
                error
            }
            (None, tonic::Code::Unavailable | tonic::Code::Cancelled | tonic::Code::Unknown) => {
                Self::unavailable("a service we need", status)
            }
            (None, tonic::Code::DeadlineExceeded) => Self::new(ErrorReason::DeadlineExceeded, "took too long"),
            (None, _) => Self::internal(status),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Some(cause) = &error.cause {
            if error.reason == ErrorReason::Internal {
                tracing::error!(error = format!("{cause:#}"), "request failed");
            } else {
                tracing::warn!(error = format!("{cause:#}"), "dependency failed");
            }
        }
        let mut details = ErrorDetails::new();
        details.set_error_info(error.reason.as_str_name(), DOMAIN, error.metadata);
        for (field, description) in error.violations {
            details.add_bad_request_violation(field, description);
        }
        if error.reason == ErrorReason::Internal {
            details.set_request_info(crate::request::current_id(), "");
        }
        Self::with_error_details(error.reason.code(), error.message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_refusal_passes_and_a_services_does_not() {
        let heard = |error: Error| Error::from(Status::from(error)).reason;
        for reason in [ErrorReason::Unauthenticated, ErrorReason::TokenInvalid, ErrorReason::TokenExpired] {
            assert_eq!(heard(Error::new(reason, "text")), reason);
            assert_eq!(heard(Error::new(reason, "text").with(OF_SERVICE, true)), ErrorReason::Unavailable);
        }
    }
}
