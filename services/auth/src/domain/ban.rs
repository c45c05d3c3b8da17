//! Until when somebody is banned.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use fenz_chassis::{Error, Reason, Result};

/// 9999-12-31T23:59:59Z, for ever: the last second that all databases and
/// RFC 3339 know.
const FOR_EVER: i64 = 253_402_300_799;

/// The end of a ban that has none.
pub fn for_ever() -> DateTime<Utc> {
    DateTime::from_timestamp(FOR_EVER, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The end of a ban as it is kept, from the one that is wanted: to the
/// microsecond; for ever when none is.
///
/// # Errors
/// `INVALID_PARAMS` on `until` when it is over already, or beyond all time.
pub fn end(wanted: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let Some(wanted) = wanted else { return Ok(for_ever()) };
    let whole = DateTime::from_timestamp_micros(wanted.timestamp_micros()).unwrap_or(wanted);
    if whole <= now {
        return Err(Error::field(Reason::InvalidParams, "until", "must be in the future"));
    }
    if whole > for_ever() {
        return Err(Error::field(Reason::InvalidParams, "until", "must be before the year 10000"));
    }
    Ok(whole)
}

/// The end as others are told it; none for ever.
pub fn told(until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (until < for_ever()).then_some(until)
}

/// For error metadata and the audit log (RFC 3339, whole seconds, never early).
pub fn text(until: DateTime<Utc>) -> String {
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
        assert_eq!(text(end(None, now).unwrap()), "9999-12-31T23:59:59Z");
        assert_eq!(end(Some(at(101, 1_999)), now).unwrap(), at(101, 1_000));
        for bad in [at(99, 0), now, at(FOR_EVER + 1, 0)] {
            assert_eq!(end(Some(bad), now).unwrap_err().reason, Reason::InvalidParams, "{bad}");
        }
        assert_eq!((told(at(101, 0)), told(for_ever())), (Some(at(101, 0)), None));
        assert_eq!(text(at(101, 1_000)), "1970-01-01T00:01:42Z");
    }
}
