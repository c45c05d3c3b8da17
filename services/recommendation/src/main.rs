//! The recommendation service as a program of its own.

use fenz_recommendation::Recommendations;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fenz_chassis::run_with::<Recommendations>(|name, command| match name {
        "dead-letters" => fenz_events::dead_letters::command::<Recommendations>(command),
        "rebuild" => fenz_recommendation::rebuild(command),
        "rebuild-index" => fenz_recommendation::rebuild_index(command),
        _ => anyhow::bail!("unknown command {name}"),
    })
}
