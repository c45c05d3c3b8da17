//! The admin service as a program of its own.

use fenz_admin::Admin;

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<Admin>()
}
