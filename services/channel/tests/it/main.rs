//! The channel service over its port, with the real media service, on every
//! available database.

mod catalog;
mod channels;
mod concurrency;
mod erasure;
mod events;
mod fees;
mod fleet;
mod memberships;
mod own_channel;
mod pictures;
