//! The admin service over its real port, told by another service over the bus,
//! beside stand-ins for the services that own what is reported, on every
//! database at hand.

mod audit;
mod erasures;
mod fleet;
mod reports;
mod stand_ins;
