//! The service's own settings, `FENZ_CHANNEL__…`.

use serde::{Deserialize, Serialize};

/// `FENZ_CHANNEL__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The last list entry that can be reached by paging.
    pub max_page_depth: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_page_depth: 10_000 }
    }
}
