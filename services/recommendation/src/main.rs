//! The recommendation service as a program of its own.

use fenz_recommendation::Recommendations;

fn main() -> std::process::ExitCode {
    fenz_chassis::run::<Recommendations>()
}
