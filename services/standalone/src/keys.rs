//! The keys that services of one process share, made at the first start and
//! kept in the data folder.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use fenz_chassis::{identity::Ed25519Key, settings::Sources};
use fenz_contract::routes::HOSTS;
use fenz_core::Random;

use crate::data::Folder;

const FILE: &str = "keys.env";
const NOTE: &str = "# Keys that services share. Whoever has them can act as any service.\n";

/// Settings by the names of their environment variables.
type Keys = BTreeMap<String, String>;

/// Sets the keys of the data folder, making those that it does not have yet.
/// What the settings say themselves stays.
pub fn load(folder: &Folder, sources: &mut Sources) -> Result<()> {
    let text = folder.read(FILE)?.unwrap_or_default();
    let kept = parse(&text)?;
    let mut keys = kept.clone();
    fill(&mut keys);
    if keys != kept {
        folder.write_secret(FILE, &render(&keys))?;
    }
    keys.insert("FENZ_INTERNAL__TRUSTED".to_owned(), trusted(&keys)?);
    for (name, value) in keys {
        let key = name.trim_start_matches("FENZ_").to_lowercase();
        sources.set_default(&key.split("__").collect::<Vec<_>>(), &value)?;
    }
    Ok(())
}

/// Keys for a fleet, to be put into each service's environment.
pub fn print_for_a_fleet() -> Result<()> {
    let mut keys = Keys::new();
    fill(&mut keys);
    print!("{}FENZ_INTERNAL__TRUSTED={}\n{}", NOTE, trusted(&keys)?, render(&keys).trim_start_matches(NOTE));
    Ok(())
}

fn key_name(service: &str) -> String {
    format!("FENZ_{}__INTERNAL__KEY", service.to_uppercase())
}

/// Those that call others or are called.
fn services() -> impl Iterator<Item = &'static str> {
    std::iter::once("gateway").chain(HOSTS.iter().copied())
}

fn fill(keys: &mut Keys) {
    for service in services() {
        keys.entry(key_name(service)).or_insert_with(|| Ed25519Key::generate(&Random::default()).to_base64());
    }
    let secret = || format!("k1={:032x}", Random::default().value::<u128>());
    keys.entry("FENZ_MEDIA_URL__KEYS".to_owned()).or_insert_with(secret);
}

/// Who may call: the public halves of all services' keys.
fn trusted(keys: &Keys) -> Result<String> {
    let entries = services().map(|service| {
        let name = key_name(service);
        let key = keys.get(&name).with_context(|| format!("{FILE} has no {name}"))?;
        let key = Ed25519Key::from_base64(key).with_context(|| format!("{name} in {FILE}"))?;
        Ok(format!("{service}={}", key.public_base64()))
    });
    Ok(entries.collect::<Result<Vec<_>>>()?.join(","))
}

fn parse(text: &str) -> Result<Keys> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.split_once('=').with_context(|| format!("{FILE} should hold NAME=value lines"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

fn render(keys: &Keys) -> String {
    keys.iter().fold(NOTE.to_owned(), |text, (name, value)| text + name + "=" + value + "\n")
}
