//! The notification service over its real port, told by another service over
//! the bus, on every database at hand.

mod fleet;
mod gone;
mod lists;
mod streams;
