//! Measures the platform and its references in one run, and prints a table of ratios.

mod account;
mod catalogue;
mod fleet;
mod http;
mod interrupt;
mod load;
mod machine;
mod mariadb;
mod measure;
mod nginx;
mod platform;
mod process;
mod reference;
mod sample_texts;
mod search_index;
mod sse;
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

#[derive(Parser)]
#[command(name = "fenz-bench", version, about = "Benchmarks of FenzVideo. How to read them: docs/benchmarks.md")]
struct Cli {
    /// Fewer and shorter rounds, not for docs/benchmarks.md.
    #[arg(long)]
    quick: bool,
    /// Only these measurements, comma-separated.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Also write the table into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
    /// Factor for the size of catalogues, e.g. 0.01 to try the rows of recommendations,
    /// lists, search and warm-up; docs/benchmarks.md has full size.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The platform to measure; by default the `fenzvideo` next to this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The reference server of reads.
    #[command(hide = true)]
    Reference(reference::Arguments),
    /// The reference server of uploads.
    #[command(hide = true)]
    Store(store::Arguments),
    /// Measure the search index without a service.
    SearchIndex(search_index::Arguments),
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::Reference(arguments)) => reference::serve(arguments),
        Some(Command::Store(arguments)) => store::serve(arguments),
        Some(Command::SearchIndex(arguments)) => search_index::run(arguments),
        None => run(&cli),
    }
}

fn run(cli: &Cli) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("fenz-bench: this is a debug build; its numbers are meaningless");
    }
    let facts = machine::facts();
    process::raise_file_limit();
    let bench = Bench::new(cli.binary.clone(), cli.quick, cli.scale)?;
    interrupt::handle_signals(bench.path(""))?;
    let rows = measure_all(cli, &bench);
    if !process::may_start() {
        interrupt::wait_for_exit();
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
        rows.extend(measurement.run(bench).with_context(|| format!("measurement {measurement:?}"))?);
    }
    Ok(rows)
}
