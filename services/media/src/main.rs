//! The media service alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    fenz_chassis::run::<fenz_media::MediaService>()
}
