//! Which bytes a player asked for (RFC 9110, sections 13 and 14).

use chrono::{DateTime, Utc};

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything, with 200.
    Whole,
    /// From the first to the last byte, both included, with 206.
    Part { first: u64, last: u64 },
    /// Nothing of it is in the file: 416.
    Nothing,
}

/// Reads a `Range`. What is not one range of bytes is ignored, as the RFC lets
/// us: several ranges get the whole file, and so does nonsense.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(one_range_of_bytes) else { return Wanted::Whole };
    let (first, last) = match spec {
        Spec::Between(first, last) if last.is_some_and(|last| last < first) => return Wanted::Whole,
        Spec::Between(first, last) => (first, last.unwrap_or(u64::MAX)),
        Spec::Suffix(0) => return Wanted::Nothing,
        Spec::Suffix(length) => (size.saturating_sub(length), u64::MAX),
    };
    if first >= size { Wanted::Nothing } else { Wanted::Part { first, last: last.min(size - 1) } }
}

enum Spec {
    Between(u64, Option<u64>),
    Suffix(u64),
}

fn one_range_of_bytes(header: &str) -> Option<Spec> {
    let (unit, set) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return None;
    }
    match set.trim().split_once('-')? {
        ("", length) => Some(Spec::Suffix(number(length)?)),
        (first, "") => Some(Spec::Between(number(first)?, None)),
        (first, last) => Some(Spec::Between(number(first)?, Some(number(last)?))),
    }
}

/// Digits only; a number too large for us is larger than every file.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether `If-Range` lets the range count: it names this very version. A date
/// counts too, for files never change under their address.
pub fn if_range_holds(header: Option<&str>, etag: &str, last_modified: DateTime<Utc>) -> bool {
    let Some(header) = header.map(str::trim) else { return true };
    if header.starts_with('"') || header.starts_with("W/") {
        return header == etag;
    }
    httpdate::parse_http_date(header)
        .is_ok_and(|date| DateTime::<Utc>::from(date).timestamp() == last_modified.timestamp())
}

/// Whether `If-None-Match` names this version: 304.
pub fn has_already(if_none_match: Option<&str>, etag: &str) -> bool {
    if_none_match.is_some_and(|header| {
        header.trim() == "*" || header.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_players_send() {
        let part = |first, last| Wanted::Part { first, last };
        for (header, expected) in [
            ("bytes=0-", part(0, 99)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=10-19", part(10, 19)),
            ("Bytes=10-1000", part(10, 99)),
            ("bytes=-1", part(99, 99)),
            ("bytes=-500", part(0, 99)),
            ("bytes=99-99999999999999999999999999", part(99, 99)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=99999999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("seconds=0-1", Wanted::Whole),
            ("bytes", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 100), expected, "{header}");
        }
        assert_eq!(wanted(None, 100), Wanted::Whole);
    }

    #[test]
    fn if_range_wants_this_version() {
        let at = DateTime::from_timestamp(784_111_777, 5).unwrap();
        for (header, holds) in [
            (None, true),
            (Some("\"abc\""), true),
            (Some("\"abd\""), false),
            (Some("W/\"abc\""), false),
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), true),
            (Some("Sun, 06 Nov 1994 08:49:38 GMT"), false),
            (Some("yesterday"), false),
        ] {
            assert_eq!(if_range_holds(header, "\"abc\"", at), holds, "{header:?}");
        }
    }

    #[test]
    fn if_none_match_knows_lists_and_weak_tags() {
        for (header, matches) in
            [(Some("*"), true), (Some("\"x\", W/\"abc\""), true), (Some("\"x\""), false), (None, false)]
        {
            assert_eq!(has_already(header, "\"abc\""), matches, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_in_the_file(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size in 1u64..) {
            if let Wanted::Part { first, last } = wanted(Some(&header), size) {
                prop_assert!(first <= last && last < size);
            }
        }

        #[test]
        fn any_range_within_the_file_is_given_as_asked(size in 1u64.., a: u64, b: u64) {
            let (a, b) = (a % size, b % size);
            let (first, last) = (a.min(b), a.max(b));
            prop_assert_eq!(wanted(Some(&format!("bytes={first}-{last}")), size), Wanted::Part { first, last });
        }

        #[test]
        fn never_panics(header: String, size: u64) {
            wanted(Some(&header), size);
        }
    }
}
