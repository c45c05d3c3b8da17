//! The content service over its real port, with the real media service, on every
//! available database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod catalog;
mod categories;
mod channels;
mod create;
mod edit;
mod erasure;
mod fleet;
mod history;
mod import;
mod lists;
mod moderation;
mod peers;
mod publication;
mod redis;
mod replicas;
mod reservations;
mod tags;
mod views;
