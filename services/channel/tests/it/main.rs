//! The channel service over its real port, beside the real media service, on
//! every database at hand.

mod channels;
mod events;
mod fees;
mod fleet;
mod memberships;
mod pictures;
mod storm;
