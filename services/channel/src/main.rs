//! The channel service as a program of its own.

use fenz_channel::Channels;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fenz_chassis::run_with::<Channels>(|name, command| match name {
        "dead-letters" => fenz_events::dead_letters::command::<Channels>(command),
        _ => anyhow::bail!("unknown command {name}"),
    })
}
