//! How thorough a test of random faults is.

/// `short` in every run of the tests, `long` under `make test-long`.
#[must_use]
pub fn rounds<T>(short: T, long: T) -> T {
    if std::env::var("FENZ_TEST_LONG").is_ok_and(|value| value == "1") { long } else { short }
}
