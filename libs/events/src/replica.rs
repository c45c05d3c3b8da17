//! The identity of a replica.

use std::sync::Arc;

/// Unique to one start of one process.
#[derive(Clone, Debug)]
pub struct Replica(Arc<str>);

impl Default for Replica {
    fn default() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string().into())
    }
}

impl Replica {
    pub fn id(&self) -> &str {
        &self.0
    }
}
