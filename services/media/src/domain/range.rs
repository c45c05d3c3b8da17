//! Range requests (RFC 9110, section 14). The parser of the crate `headers` knows
//! neither a suffix longer than the file nor which range lies outside it.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeRequest {
    /// 200.
    Full,
    /// 206; `last` is included.
    Partial { first: u64, last: u64 },
    /// 416.
    Unsatisfiable,
}

/// Parses a `Range` header. As the RFC allows, multiple and invalid ranges are
/// ignored: they get the whole file.
pub fn parse_range(header: Option<&str>, size: u64) -> RangeRequest {
    let Some(spec) = header.and_then(single_byte_range) else { return RangeRequest::Full };
    let (first, last) = match spec {
        Spec::Between(first, last) if last.is_some_and(|last| last < first) => return RangeRequest::Full,
        Spec::Between(first, last) => (first, last.unwrap_or(u64::MAX)),
        Spec::Suffix(0) => return RangeRequest::Unsatisfiable,
        Spec::Suffix(length) => (size.saturating_sub(length), u64::MAX),
    };
    if first >= size { RangeRequest::Unsatisfiable } else { RangeRequest::Partial { first, last: last.min(size - 1) } }
}

enum Spec {
    Between(u64, Option<u64>),
    Suffix(u64),
}

fn single_byte_range(header: &str) -> Option<Spec> {
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

/// Digits only; a number that overflows is larger than every file.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_what_players_send() {
        let partial = |first, last| RangeRequest::Partial { first, last };
        for (header, expected) in [
            ("bytes=0-", partial(0, 99)),
            ("bytes=0-0", partial(0, 0)),
            ("bytes=10-19", partial(10, 19)),
            ("Bytes=10-1000", partial(10, 99)),
            ("bytes=-1", partial(99, 99)),
            ("bytes=-500", partial(0, 99)),
            ("bytes=99-99999999999999999999999999", partial(99, 99)),
            ("bytes=100-", RangeRequest::Unsatisfiable),
            ("bytes=99999999999999999999999999-", RangeRequest::Unsatisfiable),
            ("bytes=-0", RangeRequest::Unsatisfiable),
            ("bytes=20-10", RangeRequest::Full),
            ("bytes=0-1,5-6", RangeRequest::Full),
            ("bytes=-", RangeRequest::Full),
            ("bytes=+1-2", RangeRequest::Full),
            ("bytes=a-b", RangeRequest::Full),
            ("seconds=0-1", RangeRequest::Full),
            ("bytes", RangeRequest::Full),
        ] {
            assert_eq!(parse_range(Some(header), 100), expected, "{header}");
        }
        assert_eq!(parse_range(None, 100), RangeRequest::Full);
    }

    proptest! {
        #[test]
        fn a_partial_range_is_within_the_file(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size in 1u64..) {
            if let RangeRequest::Partial { first, last } = parse_range(Some(&header), size) {
                prop_assert!(first <= last && last < size);
            }
        }

        #[test]
        fn a_range_within_the_file_is_unchanged(size in 1u64.., a: u64, b: u64) {
            let (a, b) = (a % size, b % size);
            let (first, last) = (a.min(b), a.max(b));
            prop_assert_eq!(parse_range(Some(&format!("bytes={first}-{last}")), size), RangeRequest::Partial { first, last });
        }

        #[test]
        fn never_panics(header: String, size: u64) {
            parse_range(Some(&header), size);
        }
    }
}
