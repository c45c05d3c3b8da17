//! Conditional requests for a file (RFC 9110, section 13).

use std::time::SystemTime;

use headers::{ETag, HeaderMapExt, IfModifiedSince, IfNoneMatch, IfRange, LastModified};
use http::HeaderMap;

/// What clients recognise a file by.
pub struct Validators {
    pub etag: ETag,
    pub last_modified: SystemTime,
}

impl Validators {
    pub fn insert_into(&self, response: &mut HeaderMap) {
        response.typed_insert(self.etag.clone());
        response.typed_insert(LastModified::from(self.last_modified));
    }

    /// Whether the client has this version: 304.
    pub fn are_known(&self, request: &HeaderMap) -> bool {
        match request.typed_get::<IfNoneMatch>() {
            Some(known) => !known.precondition_passes(&self.etag),
            None => request.typed_get::<IfModifiedSince>().is_some_and(|since| !since.is_modified(self.last_modified)),
        }
    }

    /// Whether a range may be sent: `If-Range` is missing or names this version. A
    /// date is a strong validator here: a file never changes under its address.
    pub fn allow_range(&self, request: &HeaderMap) -> bool {
        match request.typed_try_get::<IfRange>() {
            Ok(None) => true,
            Ok(Some(named)) => named == IfRange::etag(self.etag.clone()) || named == IfRange::date(self.last_modified),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderName, header};

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn validators() -> Validators {
        let last_modified = SystemTime::UNIX_EPOCH + Duration::new(784_111_777, 5);
        Validators { etag: "\"abc\"".parse().unwrap(), last_modified }
    }

    fn request(lines: &[(HeaderName, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn if_range_must_name_this_version() {
        for (header, matches) in [
            (None, true),
            (Some("\"abc\""), true),
            (Some("\"abd\""), false),
            (Some("W/\"abc\""), false),
            (Some(DATE), true),
            (Some("Sun, 06 Nov 1994 08:49:38 GMT"), false),
            (Some("yesterday"), false),
        ] {
            let request = request(&header.map(|value| (header::IF_RANGE, value)).into_iter().collect::<Vec<_>>());
            assert_eq!(validators().allow_range(&request), matches, "{header:?}");
        }
    }

    #[test]
    fn if_none_match_accepts_lists_and_weak_tags() {
        for (header, matches) in
            [(Some("*"), true), (Some("\"x\", W/\"abc\""), true), (Some("\"x\""), false), (None, false)]
        {
            let request = request(&header.map(|value| (header::IF_NONE_MATCH, value)).into_iter().collect::<Vec<_>>());
            assert_eq!(validators().are_known(&request), matches, "{header:?}");
        }
    }

    #[test]
    fn if_modified_since_counts_where_no_tag_is_sent() {
        for (header, matches) in [(DATE, true), ("Sun, 06 Nov 1994 08:49:36 GMT", false), ("yesterday", false)] {
            assert_eq!(validators().are_known(&request(&[(header::IF_MODIFIED_SINCE, header)])), matches, "{header}");
        }
        let other_tag = request(&[(header::IF_MODIFIED_SINCE, DATE), (header::IF_NONE_MATCH, "\"x\"")]);
        assert!(!validators().are_known(&other_tag));
    }
}
