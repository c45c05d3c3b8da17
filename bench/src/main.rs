//! Measures the platform beside what it is compared with, in one run, and prints a table of ratios.

mod account;
mod catalogue;
mod corpus;
mod events;
mod fleet;
mod http;
mod interrupt;
mod load;
mod machine;
mod measure;
mod platform;
mod process;
mod reference;
mod stats;
mod store;
mod table;
mod video;
mod wrk;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use measure::{Bench, Measurement};
use table::Row;

/// The platform's own; a slower one here would flatter the ratios.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "fenz-bench", version, about = "Benchmarks of FenzVideo. How to read them: docs/benchmarks.md")]
struct Cli {
    /// Fewer and shorter rounds: for a first look, not for docs/benchmarks.md.
    #[arg(long)]
    quick: bool,
    /// Only these, comma-separated.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Put the table into docs/benchmarks.md too.
    #[arg(long)]
    write: bool,
    /// The part of their size that catalogues get, e.g. 0.01 to try the rows of
    /// recommendations, lists, search and warm-up; docs/benchmarks.md has the whole.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The platform to measure; the `fenzvideo` beside this program when not given.
    #[arg(long)]
    binary: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the benchmark starts as processes of their own.
#[derive(Subcommand)]
enum Command {
    #[command(hide = true)]
    Reference(reference::Arguments),
    #[command(hide = true)]
    Store(store::Arguments),
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::Reference(arguments)) => reference::serve(arguments),
        Some(Command::Store(arguments)) => store::serve(arguments),
        None => run(&cli),
    }
}

fn run(cli: &Cli) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("fenz-bench: this is a debug build; its numbers mean nothing");
    }
    let facts = machine::facts();
    process::raise_file_limit();
    let bench = Bench::new(cli.binary.clone(), cli.quick, cli.scale)?;
    interrupt::watch(bench.path(""))?;
    let rows = measure_all(cli, &bench);
    if !process::may_start() {
        interrupt::wait_for_end();
    }
    let rows = rows?;
    let text = table::markdown(&facts, &rows);
    println!("{text}");
    if cli.write {
        table::write_into_docs(&text)?;
    }
    Ok(())
}

fn measure_all(cli: &Cli, bench: &Bench) -> Result<Vec<Row>> {
    let chosen = if cli.only.is_empty() { Measurement::ALL } else { &cli.only };
    let mut rows: Vec<Row> = Vec::new();
    for measurement in chosen {
        rows.extend(measurement.run(bench).with_context(|| format!("the measurement {measurement:?}"))?);
    }
    Ok(rows)
}
