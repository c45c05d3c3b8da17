//! The admin service as a program of its own.

use fenz_admin::Admin;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fenz_chassis::run_with::<Admin>(|name, command| match name {
        "dead-letters" => fenz_events::dead_letters::command::<Admin>(command),
        _ => anyhow::bail!("unknown command {name}"),
    })
}
