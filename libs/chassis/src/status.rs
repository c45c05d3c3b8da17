//! Errors of use cases as gRPC statuses, and back.

use std::time::Duration;

use fenz_core::{Error, Reason, error::RETRY_AFTER, reason::DOMAIN};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::request;

/// Metadata of a refusal that is about the calling service. The user whose
/// request led to the call can do nothing about it.
pub(crate) const OF_SERVICE: &str = "ofService";

/// When to try again where nobody knows better.
const RETRY: Duration = Duration::from_secs(1);

/// The status of an error; logs its cause.
pub fn from_error(mut error: Error) -> Status {
    if error.reason == Reason::Unavailable && !error.metadata.contains_key(RETRY_AFTER) {
        error = error.retry_after(RETRY);
    }
    if let Some(cause) = &error.cause {
        if error.reason == Reason::Internal {
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
    if error.reason == Reason::Internal {
        details.set_request_info(request::current_id(), "");
    }
    Status::with_error_details(Code::from_i32(error.reason.code() as i32), error.message, details)
}

/// The error of a call to another service. Refusals that carry a reason pass
/// through; others are logged as a dependency's failure, or ours.
pub fn into_error(status: Status) -> Error {
    let info = status.get_error_details().error_info().cloned();
    let reason = info.as_ref().and_then(|i| Reason::from_str_name(&i.reason));
    match (reason, status.code()) {
        (Some(Reason::Internal), _) => Error::internal(status),
        _ if info.as_ref().is_some_and(|i| i.metadata.contains_key(OF_SERVICE)) => {
            Error::unavailable("a service we need", status)
        }
        (Some(reason), _) => {
            let mut error = Error::new(reason, status.message());
            error.metadata = info.map(|i| i.metadata).unwrap_or_default();
            error
        }
        (None, Code::Unavailable | Code::Cancelled | Code::Unknown) => Error::unavailable("a service we need", status),
        (None, Code::DeadlineExceeded) => Error::new(Reason::DeadlineExceeded, "took too long"),
        (None, _) => Error::internal(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unavailable_says_when_to_try_again() {
        let seconds =
            |error: Error| from_error(error).get_error_details().error_info().unwrap().metadata[RETRY_AFTER].clone();
        assert_eq!(seconds(Error::unavailable("the database", std::fmt::Error)), "1");
        assert_eq!(seconds(Error::new(Reason::Unavailable, "text").retry_after(Duration::from_secs(10))), "10");
    }

    #[test]
    fn a_users_refusal_passes_and_a_services_does_not() {
        let received = |error: Error| into_error(from_error(error)).reason;
        for reason in [Reason::Unauthenticated, Reason::TokenInvalid, Reason::TokenExpired] {
            assert_eq!(received(Error::new(reason, "text")), reason);
            assert_eq!(received(Error::new(reason, "text").with(OF_SERVICE, true)), Reason::Unavailable);
        }
    }
}
