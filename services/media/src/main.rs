//! The media service as a program.

use std::process::ExitCode;

use fenz_media::MediaService;

fn main() -> ExitCode {
    fenz_chassis::run_with::<MediaService>(|name, command| match name {
        "dead-letters" => fenz_events::dead_letters::command::<MediaService>(command),
        _ => anyhow::bail!("unknown command {name}"),
    })
}
