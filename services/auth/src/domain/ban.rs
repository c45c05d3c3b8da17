//! The end of a ban.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use fenz_core::{Error, Reason, Result};

/// 9999-12-31T23:59:59Z: the last second that all databases and RFC 3339 can
/// represent.
const PERMANENT: i64 = 253_402_300_799;

/// The stored end of a permanent ban.
pub fn permanent() -> DateTime<Utc> {
    DateTime::from_timestamp(PERMANENT, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The end as it is stored: truncated to microseconds; permanent when none is
/// requested.
///
/// # Errors
/// `INVALID_PARAMS` on `until` when it is in the past or after the year 9999.
pub fn end(requested: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let Some(requested) = requested else { return Ok(permanent()) };
    let until = DateTime::from_timestamp_micros(requested.timestamp_micros()).unwrap_or(requested);
    if until <= now {
        return Err(Error::field(Reason::InvalidParams, "until", "must be in the future"));
    }
    if until > permanent() {
        return Err(Error::field(Reason::InvalidParams, "until", "must be before the year 10000"));
    }
    Ok(until)
}

/// The end of a temporary ban; none for a permanent one.
pub fn temporary_end(until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (until < permanent()).then_some(until)
}

/// RFC 3339 in whole seconds, rounded up, for error metadata and the audit log.
pub fn rfc3339(until: DateTime<Utc>) -> String {
    let whole = if until.timestamp_subsec_nanos() > 0 { until + TimeDelta::seconds(1) } else { until };
    whole.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, nanos).unwrap()
    }

    #[test]
    fn bans_end_in_the_future_or_never() {
        let now = at(100, 0);
        assert_eq!(rfc3339(end(None, now).unwrap()), "9999-12-31T23:59:59Z");
        assert_eq!(end(Some(at(101, 1_999)), now).unwrap(), at(101, 1_000));
        for bad in [at(99, 0), now, at(PERMANENT + 1, 0)] {
            assert_eq!(end(Some(bad), now).unwrap_err().reason, Reason::InvalidParams, "{bad}");
        }
        assert_eq!((temporary_end(at(101, 0)), temporary_end(permanent())), (Some(at(101, 0)), None));
        assert_eq!(rfc3339(at(101, 1_000)), "1970-01-01T00:01:42Z");
    }
}
