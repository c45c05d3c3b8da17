//! The content service over its real port, beside the real media service, on
//! every database at hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod access;
mod catalog;
mod categories;
mod channels;
mod create;
mod edit;
mod erasure;
mod errands;
mod fleet;
mod history;
mod import;
mod lists;
mod moderation;
mod neighbour;
mod peers;
mod redis;
mod replicas;
mod tags;
mod views;
