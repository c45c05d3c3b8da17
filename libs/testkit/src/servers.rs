//! Servers that tests need and a developer's machine may lack.

use std::{
    collections::HashSet,
    io::Write,
    sync::{Mutex, PoisonError},
    thread,
};

/// `1` where a missing server fails a test, as `scripts/test` sets it. Elsewhere the test
/// skips what needs the server.
const REQUIRED: &str = "FENZ_TEST_REQUIRE_SERVERS";

/// The shared servers that `scripts/test-servers` starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    MariaDb,
    Nats,
    Redis,
    S3,
}

impl Server {
    /// Its URL; None where it is not running and not required.
    ///
    /// # Panics
    /// When it is required and not running.
    pub fn url(self) -> Option<String> {
        let variable = self.variable();
        required_or_skip(std::env::var(variable).ok(), &format!("{self:?} ({variable} is not set)"))
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "FENZ_TEST_POSTGRES",
            Self::MariaDb => "FENZ_TEST_MARIADB",
            Self::Nats => "FENZ_TEST_NATS",
            Self::Redis => "FENZ_TEST_REDIS",
            Self::S3 => "FENZ_TEST_S3",
        }
    }
}

/// The settings of the shared S3, by their keys; it has the default bucket.
pub fn s3_settings() -> Option<[(&'static str, String); 4]> {
    let url = Server::S3.url()?;
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (keys, host) = rest.split_once('@').expect("its keys");
    let (access, secret) = keys.split_once(':').expect("two keys");
    Some([
        ("store.folder", String::new()),
        ("store.endpoint", format!("{scheme}://{host}")),
        ("store.access_key", access.to_owned()),
        ("store.secret_key", secret.to_owned()),
    ])
}

/// Passes on what was found. Where it is missing and not required, says so on stderr.
///
/// # Panics
/// When it is missing and `FENZ_TEST_REQUIRE_SERVERS` is `1`.
pub fn required_or_skip<T>(found: Option<T>, what: &str) -> Option<T> {
    if found.is_none() {
        report_missing(what, std::env::var(REQUIRED).is_ok_and(|value| value == "1"));
    }
    found
}

fn report_missing(what: &str, is_required: bool) {
    static REPORTED: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    // The harness names a test's thread after the test.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let remedy = "run scripts/install-tools, then scripts/test-servers start and . target/test-servers/env";
    assert!(!is_required, "{test} needs {what}: {remedy}");
    let line = format!("{test} skips what needs {what}: {remedy}");
    let is_new = REPORTED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(line.clone());
    if is_new {
        // Not `eprintln!`, which the harness captures. Best effort.
        writeln!(std::io::stderr(), "{line}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "needs Nats")]
    fn a_required_server_that_is_missing_fails_the_test() {
        report_missing("Nats", true);
    }

    #[test]
    fn a_missing_server_is_skipped_where_it_is_not_required() {
        report_missing("Nats", false);
        assert_eq!(required_or_skip(Some(1), "Nats"), Some(1));
    }
}
