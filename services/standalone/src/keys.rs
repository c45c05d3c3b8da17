//! The keys that services of one process share, made at the first start and
//! kept in the data folder.

use anyhow::{Context, Result};
use fenz_chassis::{identity::Ed25519Key, settings::Sources};

use crate::data::Folder;

/// The services that call others or are called.
const SERVICES: [&str; 4] = ["gateway", "auth", "content", "media"];
const FILE: &str = "keys.env";

/// Sets the keys of the data folder, making them where there are none yet.
/// What the settings say themselves stays.
pub fn load(folder: &Folder, sources: &mut Sources) -> Result<()> {
    let text = if let Some(text) = folder.read(FILE)? {
        text
    } else {
        let text = make();
        folder.write_secret(FILE, &text)?;
        text
    };
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (name, value) = line.split_once('=').with_context(|| format!("{FILE} should hold NAME=value lines"))?;
        let key = name.trim_start_matches("FENZ_").to_lowercase();
        sources.set_default(&key.split("__").collect::<Vec<_>>(), value)?;
    }
    Ok(())
}

/// Keys for a fleet, to be put into each service's environment.
pub fn print_for_a_fleet() {
    print!("{}", make());
}

fn make() -> String {
    let mut text = String::from("# Keys that services share. Whoever has them can act as any service.\n");
    let mut trusted = Vec::new();
    for service in SERVICES {
        let key = Ed25519Key::generate();
        text += &format!("FENZ_{}__INTERNAL__KEY={}\n", service.to_uppercase(), key.to_base64());
        trusted.push(format!("{service}={}", key.public_base64()));
    }
    text += &format!("FENZ_INTERNAL__TRUSTED={}\n", trusted.join(","));
    text += &format!("FENZ_MEDIA_URL__KEYS=k1={:032x}\n", rand::random::<u128>());
    text
}
