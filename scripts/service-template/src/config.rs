//! Settings under `playlist.`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many a user may have.
    pub max_per_user: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_per_user: 1000 }
    }
}
