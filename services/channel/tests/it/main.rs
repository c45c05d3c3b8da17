//! The channel service over its real port, beside the real media service, on
//! every database at hand.

mod catalog;
mod channels;
mod erasure;
mod events;
mod fees;
mod fleet;
mod memberships;
mod own_channel;
mod pictures;
mod storm;
