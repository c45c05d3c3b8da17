//! The auth service as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    fenz_chassis::run::<fenz_auth::Auth>()
}
