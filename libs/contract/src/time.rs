//! Times of messages.

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result};
use pbjson_types::Timestamp;

/// A message's time, to the microsecond that every database stores; none if it is
/// out of range.
#[must_use]
pub fn time(at: Timestamp) -> Option<DateTime<Utc>> {
    let at = DateTime::<Utc>::try_from(at).ok()?;
    DateTime::from_timestamp_micros(at.timestamp_micros())
}

/// The time in a field of a request.
///
/// # Errors
/// `INVALID_PARAMS` on the field if it is out of range.
pub fn time_field(field: &str, at: Option<Timestamp>) -> Result<Option<DateTime<Utc>>> {
    let invalid = || Error::field(Reason::InvalidParams, field, "should be a time such as 2026-01-31T12:00:00Z");
    at.map(|at| time(at).ok_or_else(invalid)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_microseconds_and_refused_out_of_range() {
        let decoded = |seconds, nanos| time_field("at", Some(Timestamp { seconds, nanos }));
        assert_eq!(decoded(1, 1_999).unwrap(), DateTime::from_timestamp(1, 1_000));
        assert_eq!(time_field("at", None).unwrap(), None);
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (1, -1), (1, i32::MAX)] {
            assert_eq!(decoded(seconds, nanos).unwrap_err().reason, Reason::InvalidParams);
        }
    }
}
