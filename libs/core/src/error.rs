//! The one error vocabulary of use cases. The chassis makes gRPC and HTTP
//! statuses of it.

use std::{collections::HashMap, time::Duration};

use crate::Reason;

/// Why a use case refused or failed. What the caller reads and what the log
/// keeps are different fields.
#[derive(Debug, thiserror::Error)]
#[error("{reason:?}: {message}")]
pub struct Error {
    pub reason: Reason,
    /// For the caller.
    pub message: String,
    /// For the caller: what a program needs to act on the reason.
    pub metadata: HashMap<String, String>,
    /// For the caller: fields by their JSON names, each with what is wrong with it.
    pub violations: Vec<(String, String)>,
    /// For the log.
    pub cause: Option<anyhow::Error>,
}

/// The metadata that says when to try again, in seconds.
pub const RETRY_AFTER: &str = "retryAfterSeconds";

impl Error {
    /// A refusal with its reason and a sentence for the caller: lower-case,
    /// without a full stop.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), metadata: HashMap::new(), violations: Vec::new(), cause: None }
    }

    /// A field that is wrong in a way that only the use case can see.
    pub fn field(reason: Reason, field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        let mut error = Self::new(reason, format!("{field} {description}"));
        error.violations.push((field.to_owned(), description));
        error
    }

    /// How long to wait before another try; sent as whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.metadata.insert(RETRY_AFTER.to_owned(), seconds.max(1).to_string());
        self
    }

    /// Adds to what a program needs to act on the reason, e.g. the tier that a
    /// video requires.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and strings alike")]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// A fault of ours. The caller learns nothing but the request id.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        let mut error = Self::new(Reason::Internal, "something went wrong on our side");
        error.cause = Some(source.into());
        error
    }

    /// A dependency does not answer.
    pub fn unavailable(what: &str, source: impl Into<anyhow::Error>) -> Self {
        let mut error = Self::new(Reason::Unavailable, format!("{what} does not answer; try again"));
        error.cause = Some(source.into());
        error
    }
}
