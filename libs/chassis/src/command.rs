//! The command line every service has: serve, or one of the commands.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use fenz_core::Random;
use futures::future::LocalBoxFuture;
use tokio::net::TcpListener;

use crate::{
    Process, Requirements, Service, Settings, check, finish,
    identity::Ed25519Key,
    prepare, serve_ops,
    settings::{self, Sources},
    start, telemetry,
};

/// A command that a service has beside those of all services.
pub struct Command {
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    pub run: Run,
}

type Run = Box<dyn Fn(&Invocation) -> LocalBoxFuture<'_, Result<()>> + Send + Sync>;

impl Command {
    pub fn new<F>(name: &'static str, about: &'static str, run: F) -> Self
    where
        F: AsyncFn(&Invocation) -> Result<()> + Copy + Send + Sync + 'static,
    {
        Self { name, about, run: Box::new(move |invocation| Box::pin(async move { run(invocation).await })) }
    }
}

/// What a command is run with.
pub struct Invocation {
    pub service: &'static str,
    /// What stood behind the command's name.
    pub arguments: Vec<String>,
    pub sources: Sources,
}

impl Invocation {
    /// The shared settings of the service.
    ///
    /// # Errors
    /// Names the key and what it should be.
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.sources.service::<serde::de::IgnoredAny>(self.service)?.0)
    }
}

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
    command: Option<Common>,
}

#[derive(Subcommand)]
enum Common {
    /// Make a key pair for calls between services and print it.
    InternalKey,
    /// Ask the service's ops listener whether it is ready; for containers.
    Healthcheck,
}

/// The whole of a service's `main`.
pub fn run<S: Service>() -> ExitCode {
    prepare();
    let mut commands = S::Requirements::commands();
    commands.extend(S::commands());
    let matches = cli(&commands).get_matches();
    match execute::<S>(&matches, &commands) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {error:#}", S::NAME);
            ExitCode::FAILURE
        }
    }
}

fn cli(commands: &[Command]) -> clap::Command {
    let arguments = || Arg::new("arguments").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    commands
        .iter()
        .fold(Cli::command(), |cli, own| cli.subcommand(clap::Command::new(own.name).about(own.about).arg(arguments())))
}

fn execute<S: Service>(matches: &ArgMatches, commands: &[Command]) -> Result<ExitCode> {
    let sources = Sources::read(matches.get_one::<PathBuf>("config").map(PathBuf::as_path))?;
    let (settings, config) = check::<S>(&sources)?;
    if matches.get_flag("print_config") {
        println!("{}", settings::print::<S>(&settings, &config)?);
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some((name, matches)) = matches.subcommand()
        && let Some(own) = commands.iter().find(|own| own.name == name)
    {
        let arguments = matches.get_many::<String>("arguments").into_iter().flatten().cloned().collect();
        runtime.block_on((own.run)(&Invocation { service: S::NAME, arguments, sources }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let ops_address = settings.ops.listen.unwrap_or(loopback(S::PORT + 1000));
    match Cli::from_arg_matches(matches)?.command {
        Some(Common::InternalKey) => {
            let key = Ed25519Key::generate(&Random::default());
            println!("FENZ_{}__INTERNAL__KEY={}", S::NAME.to_uppercase(), key.to_base64());
            println!("# for FENZ_INTERNAL__TRUSTED of every service: {}={}", S::NAME, key.public_base64());
            Ok(ExitCode::SUCCESS)
        }
        Some(Common::Healthcheck) => runtime.block_on(healthcheck(ops_address)),
        None => {
            telemetry::init(&settings.telemetry)?;
            let address = settings.listen.unwrap_or(loopback(S::PORT));
            let code = runtime.block_on(serve::<S>(&sources, &settings, address, ops_address));
            runtime.shutdown_timeout(Duration::from_millis(200));
            code
        }
    }
}

async fn serve<S: Service>(
    sources: &Sources,
    settings: &Settings,
    address: SocketAddr,
    ops_address: SocketAddr,
) -> Result<ExitCode> {
    let process = Process::default();
    let bind = async |address: SocketAddr| {
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
    };
    let (listener, ops) = (bind(address).await?, bind(ops_address).await?);
    serve_ops(&process, ops);
    let server = start::<S>(sources, &process, Some(listener)).await?;
    process.readiness.started();
    Ok(finish(&process, vec![server], &settings.server).await)
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
