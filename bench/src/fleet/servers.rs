//! Servers of `scripts/test-servers`.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};

use crate::measure::progress;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub struct Servers {
    pub postgres: String,
    pub nats: String,
    pub redis: String,
}

/// Starts them unless they run.
pub fn servers() -> Result<Servers> {
    let mut script_env = String::new();
    Ok(Servers {
        postgres: setting("FENZ_TEST_POSTGRES", &mut script_env)?,
        nats: setting("FENZ_TEST_NATS", &mut script_env)?,
        redis: setting("FENZ_TEST_REDIS", &mut script_env)?,
    })
}

/// The URL of a MariaDB, which no fleet needs.
pub fn mariadb() -> Result<String> {
    setting("FENZ_TEST_MARIADB", &mut String::new())
}

/// From the environment, or else from the script's output.
fn setting(name: &str, script_env: &mut String) -> Result<String> {
    if let Ok(value) = env::var(name) {
        return Ok(value);
    }
    if script_env.is_empty() {
        progress("using scripts/test-servers; `scripts/test-servers stop` stops them");
        script("start")?;
        *script_env = script("env")?;
    }
    let value =
        script_env.lines().find_map(|line| line.trim_start_matches("export ").strip_prefix(name)?.strip_prefix('='));
    Ok(value.with_context(|| format!("{name} is not set"))?.to_owned())
}

fn script(argument: &str) -> Result<String> {
    let output = Command::new("scripts/test-servers").arg(argument).current_dir(ROOT).output()?;
    ensure!(output.status.success(), "scripts/test-servers {argument}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
