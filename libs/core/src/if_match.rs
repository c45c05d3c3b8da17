//! `If-Match` (RFC 9110 §13.1.1), held against an object's version.

/// The `ETag` of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether the header lets a change of this version through. Weak tags count as
/// strong ones: our versions change with every change, and a proxy that
/// compresses makes a tag weak.
pub fn matches(header: &str, version: i64) -> bool {
    let current = etag(version);
    header.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stars_and_weak_tags() {
        for good in ["\"3\"", "*", "W/\"3\"", "\"1\", \"3\"", "\"1\",W/\"3\""] {
            assert!(matches(good, 3), "{good}");
        }
        for bad in ["", "3", "\"4\"", "\"33\"", "w/\"3\"", "\"1\", \"2\""] {
            assert!(!matches(bad, 3), "{bad}");
        }
    }
}
