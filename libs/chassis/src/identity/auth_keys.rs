//! The keys that access tokens are verified with, as what a service requires.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::{Platform, Requirement};

/// How often the keys are fetched again: they rotate.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);
/// The same after a failure, and while there are none yet.
const RETRY_DELAY: Duration = Duration::from_secs(5);
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Keeps the key set of auth up to date. Auth itself does without.
pub struct AuthKeys;

#[derive(Default, Serialize, Deserialize)]
pub struct NoSettings {}

impl Requirement for AuthKeys {
    type Settings = NoSettings;
    const SECTION: &'static str = "";

    async fn connect(_: NoSettings, platform: &Platform) -> Result<Self> {
        let verifier = platform.authorizer.verifier.clone();
        verifier.fetch_from(platform.peers.require("auth")?);
        let required = verifier.clone();
        platform.readiness.require(format!("{}.auth_keys", platform.service), move || {
            let is_ready = required.is_ready();
            async move { if is_ready { Ok(()) } else { bail!("no keys from auth yet") } }
        });
        let stop = platform.stop.clone();
        platform.spawn("auth_keys", async move {
            loop {
                let outcome = verifier.refresh().await;
                let delay = match (outcome, verifier.is_ready()) {
                    (Ok(()), true) => REFRESH_INTERVAL,
                    (Err(_), true) => RETRY_DELAY,
                    (_, false) => FIRST_RETRY_DELAY,
                };
                if stop.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                    return Ok(());
                }
            }
        });
        Ok(Self)
    }
}
