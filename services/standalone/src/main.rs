//! The whole platform in one process: every service as it would run alone, called
//! in memory, with nothing to install.

mod data;
mod keys;
mod launch;
mod services;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use fenz_chassis::settings::Sources;

#[derive(Parser)]
#[command(name = "fenzvideo", version, about = "FenzVideo in one process. Settings: docs/operations.md")]
struct Cli {
    /// A TOML file of settings; the environment wins over it.
    #[arg(long, env = "FENZ_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, env = "FENZ_DATA_DIR", default_value = "data", global = true)]
    data_dir: PathBuf,
    /// Print the merged settings of every service, secrets hidden, and exit.
    #[arg(long)]
    print_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print keys for a fleet of processes of their own, as settings.
    FleetKeys,
    /// A command of one service: <service> <command>, e.g. `auth rotate-keys`.
    #[command(external_subcommand)]
    OfService(Vec<String>),
}

fn main() -> ExitCode {
    fenz_chassis::prepare();
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fenzvideo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    if matches!(cli.command, Some(Command::FleetKeys)) {
        keys::print_for_a_fleet()?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut sources = Sources::read(cli.config.as_deref())?;
    let folder = data::Folder::open(&cli.data_dir)
        .with_context(|| format!("the data folder {} cannot be used", cli.data_dir.display()))?;
    keys::load(&folder, &mut sources)?;
    launch::keep_in(&folder, &mut sources)?;
    if let Some(Command::OfService(words)) = &cli.command {
        runtime.block_on(services::run_command(words, sources))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Printing is possible while the platform runs.
    let _only_one = if cli.print_config { None } else { Some(folder.lock()?) };
    let code = runtime.block_on(launch::run(sources, cli.print_config))?;
    // Nothing is left that would have to end by itself.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(code)
}
