//! The command line every service has: serve, or one of the commands.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

use crate::{
    Process, Service, check, database, finish,
    identity::Ed25519Key,
    prepare, serve_ops,
    settings::{self, Sources},
    start, telemetry,
};

#[derive(Parser)]
#[command(version, about = "A service of FenzVideo. Settings: docs/operations.md")]
struct Cli {
    /// A TOML file of settings; the environment wins over it.
    #[arg(long, env = "FENZ_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Print the merged settings, secrets hidden, and exit.
    #[arg(long)]
    print_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database up to date and exit.
    Migrate,
    /// Make a key pair for calls between services and print it.
    InternalKey,
    /// Ask the service's ops listener whether it is ready; for containers.
    Healthcheck,
    /// A command of the service's own.
    #[command(external_subcommand)]
    Own(Vec<String>),
}

/// The whole of a service's `main`.
pub fn run<S: Service>() -> ExitCode {
    run_with::<S>(|command, _| anyhow::bail!("unknown command {command}"))
}

/// As [`run`], with commands of the service's own.
pub fn run_with<S: Service>(own: impl FnOnce(&str, OwnCommand) -> Result<()>) -> ExitCode {
    prepare();
    let cli = Cli::parse();
    match execute::<S>(cli, own) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {error:#}", S::NAME);
            ExitCode::FAILURE
        }
    }
}

/// What a command of a service's own gets.
pub struct OwnCommand {
    pub arguments: Vec<String>,
    pub sources: Sources,
    pub runtime: tokio::runtime::Runtime,
}

fn execute<S: Service>(cli: Cli, own: impl FnOnce(&str, OwnCommand) -> Result<()>) -> Result<ExitCode> {
    let sources = Sources::read(cli.config.as_deref())?;
    let (settings, config) = check::<S>(&sources)?;
    if cli.print_config {
        println!("{}", settings::print(S::NAME, &settings, &config)?);
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let ops_address = settings.ops.listen.unwrap_or(loopback(S::PORT + 1000));
    match cli.command {
        Some(Command::Migrate) => {
            runtime.block_on(async {
                let db = database::connect(&settings.database).await?;
                database::migrate::<S::Migrator>(&db, S::NAME).await
            })?;
            println!("{}: the database is up to date", S::NAME);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::InternalKey) => {
            let key = Ed25519Key::generate();
            println!("FENZ_{}__INTERNAL__KEY={}", S::NAME.to_uppercase(), key.to_base64());
            println!("# for FENZ_INTERNAL__TRUSTED of every service: {}={}", S::NAME, key.public_base64());
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Healthcheck) => runtime.block_on(healthcheck(ops_address)),
        Some(Command::Own(arguments)) => {
            let name = arguments.first().cloned().unwrap_or_default();
            own(&name, OwnCommand { arguments, sources, runtime })?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            telemetry::init(&settings.telemetry)?;
            let address = S::listen(&config).unwrap_or(loopback(S::PORT));
            let code = runtime.block_on(serve::<S>(&sources, address, ops_address));
            runtime.shutdown_timeout(Duration::from_millis(200));
            code
        }
    }
}

async fn serve<S: Service>(sources: &Sources, address: SocketAddr, ops_address: SocketAddr) -> Result<ExitCode> {
    let process = Process::default();
    let bind = async |address: SocketAddr| {
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
    };
    let (listener, ops) = (bind(address).await?, bind(ops_address).await?);
    serve_ops(&process, ops);
    start::<S>(sources, &process, listener).await?;
    process.readiness.started();
    Ok(finish(&process).await)
}

async fn healthcheck(address: SocketAddr) -> Result<ExitCode> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.context("the service does not answer")?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    println!("{}", reply.lines().last().unwrap_or_default());
    Ok(if reply.contains(" 200 ") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
