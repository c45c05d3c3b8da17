//! The servers that the services need: those of the tests.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};

use crate::measure::say;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub struct Servers {
    pub postgres: String,
    pub nats: String,
    pub redis: String,
}

/// Starts them when they do not run.
pub fn servers() -> Result<Servers> {
    let mut told = String::new();
    Ok(Servers {
        postgres: find("FENZ_TEST_POSTGRES", &mut told)?,
        nats: find("FENZ_TEST_NATS", &mut told)?,
        redis: find("FENZ_TEST_REDIS", &mut told)?,
    })
}

/// From the environment, or else as the script tells.
fn find(name: &str, told: &mut String) -> Result<String> {
    if let Ok(value) = env::var(name) {
        return Ok(value);
    }
    if told.is_empty() {
        say("using scripts/test-servers; `scripts/test-servers stop` ends them");
        script("start")?;
        *told = script("env")?;
    }
    let value = told.lines().find_map(|line| line.trim_start_matches("export ").strip_prefix(name)?.strip_prefix('='));
    Ok(value.with_context(|| format!("{name} is not set"))?.to_owned())
}

fn script(argument: &str) -> Result<String> {
    let output = Command::new("scripts/test-servers").arg(argument).current_dir(ROOT).output()?;
    ensure!(output.status.success(), "scripts/test-servers {argument}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
