//! The media service as a program.

use std::process::ExitCode;

use fenz_media::MediaService;

fn main() -> ExitCode {
    fenz_chassis::run::<MediaService>()
}
