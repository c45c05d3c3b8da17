//! The table of jobs: entity, schema, and the statements of each transition.

mod claim;
mod entity;
mod finish;
mod migration;
mod queue;

pub use claim::{Claimant, Claimed, claim_due_in_txn, is_due, next_due};
pub use finish::{Failure, complete, fail, release, renew, set_progress};
pub use migration::migrations;
pub use queue::{
    NewRow, Summary, delete_by_key, enqueue_in_txn, find, find_by_key, list, newest_dead, recur_in_txn, revive,
    summarize,
};
