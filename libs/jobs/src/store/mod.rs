//! The table of jobs: entity, schema, and the statements of each transition.

mod claim;
mod entity;
mod finish;
mod migration;
mod queue;

pub use claim::{Claimant, Claimed, claim_due_in_txn, is_due, next_due};
pub use finish::{Failure, complete, fail, release, renew, set_progress};
pub use migration::migrations;
pub use queue::{NewRow, delete_by_key, enqueue_in_txn, find_by_key, list, recur_in_txn, revive, summarize};
