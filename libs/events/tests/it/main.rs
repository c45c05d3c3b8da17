//! One suite for both buses, on every database: whatever fails, repeats or
//! changes places, each committed event takes effect once.

mod broker;
mod commands;
mod delivery;
mod failures;
mod fleet;
mod kill;
mod leases;
mod poison;
